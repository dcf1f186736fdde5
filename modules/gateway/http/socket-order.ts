import type { Socket } from "node:net";

/**
 * Runs the requests of one connection one after the other: a device that sends its reports without waiting for
 * answers has them stored in the order it sent them.
 */
export function createSocketOrder(): (socket: Socket, run: () => Promise<void>) => void {
  const tails = new WeakMap<Socket, Promise<void>>();
  return (socket, run) => {
    const before = tails.get(socket);
    const done: Promise<void> = before === undefined ? run() : before.then(run);
    tails.set(socket, done);
    void done.finally(() => {
      if (tails.get(socket) === done) tails.delete(socket);
    });
  };
}
