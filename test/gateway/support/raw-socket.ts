import { once } from "node:events";
import { connect } from "node:net";

/** A connection on which a test sends exact bytes and looks at the exact bytes that come back. */
export type RawSocket = {
  send(text: string | Buffer): void;
  /** Everything received so far, as Latin-1. */
  readonly received: () => string;
  /** Resolves with what came, once this text is in it. */
  until(text: string): Promise<string>;
  /** Resolves with everything that came, once the other side has ended. */
  ended(): Promise<string>;
  clear(): void;
  destroy(): void;
};

export async function openRawSocket(port: number): Promise<RawSocket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let text = "";
  let isOver = false;
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  const closed = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        isOver = true;
        resolve();
      });
    }
  });
  return {
    send: (bytes) => void socket.write(bytes),
    received: () => text,
    async until(wanted) {
      while (!text.includes(wanted)) {
        if (isOver) throw new Error(`the connection ended before ${JSON.stringify(wanted)}: ${text}`);
        await Promise.race([once(socket, "data"), closed]);
      }
      return text;
    },
    async ended() {
      await closed;
      return text;
    },
    clear() {
      text = "";
    },
    destroy: () => void socket.destroy(),
  };
}
