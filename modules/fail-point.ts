/** Ends the process, as a crash would, at a named point; in production and in everyday use it does nothing. */
export type FailPoint = (name: string) => void;

export const noFailPoint: FailPoint = () => undefined;

/**
 * For crash tests alone: `<name>` or `<name>:<n>` ends this process with SIGKILL when it passes the point for the
 * n-th time. Undefined text = nothing.
 */
export function makeFailPoint(text: string | undefined): FailPoint {
  if (text === undefined || text === "") return noFailPoint;
  const parts = /^(?<point>.+?)(?:@(?<times>\d+))?$/.exec(text)?.groups;
  const point = parts?.["point"];
  let left = Number(parts?.["times"] ?? "1");
  return (name) => {
    if (name !== point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  };
}
