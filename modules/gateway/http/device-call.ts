import type { IncomingMessage } from "node:http";
import type { DeviceReply } from "./replies.ts";

/** One request as a route sees it. */
export type DeviceCall = {
  readonly request: IncomingMessage;
  /** Decoded. */
  readonly path: string;
  readonly query: string;
  /** Reads the body; undefined when the device went away in the middle. */
  readonly body: () => Promise<string | undefined>;
  /** Aborted when the device hangs up. */
  readonly hangUp: () => AbortSignal;
};

/** Answers a call; undefined when nobody is left to answer. */
export type DeviceRoute = (call: DeviceCall) => Promise<DeviceReply | undefined>;
