import type { Socket } from "node:net";

/**
 * Runs the requests of one connection one after the other: a device that sends its reports without waiting for
 * answers has them stored in the order it sent them.
 */
export function createSocketOrder(): (socket: Socket, run: () => Promise<void>) => void {
  const tails = new WeakMap<Socket, Promise<void>>();
  return (socket, run) => {
    const before = tails.get(socket);
    const done = before === undefined ? run() : before.then(run);
    const tail = done.then(() => {
      if (tails.get(socket) === tail) tails.delete(socket);
    });
    tails.set(socket, tail);
  };
}
