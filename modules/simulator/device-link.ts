/** A scripted device's way to the server, whatever the protocol. */
export type DeviceLink = {
  /** Gets the device its token; answers undefined when the server knows no such device or has activated it before. */
  activate(): Promise<string | undefined>;
  /** From here on the device is who the token says. */
  useToken(token: string): void;
  /**
   * The next value of `config_otau`; at first the one that stands. Undefined when none came for a while.
   * Throws `LinkRefused` for a token that is not valid.
   */
  nextWanted(signal: AbortSignal): Promise<string | undefined>;
  /** Writes the value just taken back, as real devices do to acknowledge it. */
  echo(wanted: string): Promise<void>;
  /** Writes a report; with a stamp (Unix seconds) as a record of that time. */
  report(text: string, stampSeconds?: number): Promise<void>;
  close(): Promise<void>;
};

/** The server does not accept the device's token. */
export class LinkRefused extends Error {
  override readonly name = "LinkRefused";
}
