import { createConnection } from "node:net";

/** What a server said to a PING: `loading` while it reads its file. */
export type PingAnswer = "pong" | "loading" | "silent";

/** Sends one command over a unix socket and gives the reply's raw text; undefined where nobody answers in time. */
export function askSocket(
  socketPath: string,
  command: string,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let reply = "";
    const socket = createConnection(socketPath, () => socket.write(`${command}\r\n`));
    const end = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.on("data", (chunk) => {
      reply += chunk.toString("latin1");
      if (isWhole(reply)) end(reply);
    });
    socket.on("error", () => end(undefined));
    socket.on("close", () => end(undefined));
  });
}

/** A bulk reply `$<length>` is whole with all its bytes; any other reply asked for here is one line. */
function isWhole(reply: string): boolean {
  const header = /^\$(\d+)\r\n/.exec(reply);
  if (header === null) return reply.endsWith("\r\n");
  return reply.length >= header[0].length + Number(header[1]) + 2;
}

/** Asks for life. A socket file alone proves nothing: the server may be reading its file, or be gone. */
export async function pingSocket(socketPath: string, timeoutMs = 1000): Promise<PingAnswer> {
  const reply = await askSocket(socketPath, "PING", timeoutMs);
  if (reply === undefined) return "silent";
  if (reply.startsWith("-LOADING")) return "loading";
  return reply.startsWith("+PONG") ? "pong" : "silent";
}

/** The process id that the server itself names, also while it reads its file. */
export async function serverPid(socketPath: string): Promise<number | undefined> {
  const reply = await askSocket(socketPath, "INFO server", 1000);
  const pid = /^process_id:(\d+)/m.exec(reply ?? "")?.[1];
  return pid === undefined ? undefined : Number(pid);
}
