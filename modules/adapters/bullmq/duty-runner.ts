/** What a worker does when it is woken; `subject` names one thing to look after, none = all of it. */
export type DutyRun = (subject?: string) => Promise<unknown>;

export type DutyRunner = {
  /** Runs soon; many calls while it runs make one more run. Resolves when the run that covers the call is over. */
  run(subject?: string): Promise<void>;
  /** When it last began, by `performance.now()`. */
  lastBeganMs(): number;
  /** Lets the present run end and begins none any more. */
  stop(): Promise<void>;
};

/**
 * One duty of this process, never run twice at once for the same subject. A call that comes while it runs is not
 * lost: what it was about may have been looked at already, so it runs once more.
 */
export function makeDutyRunner(duty: DutyRun, onError: (error: unknown) => void): DutyRunner {
  const running = new Map<string, { readonly current: Promise<void>; next: Promise<void> | undefined }>();
  let lastBeganMs = performance.now();
  let isStopped = false;

  async function once(subject: string | undefined): Promise<void> {
    if (isStopped) return;
    lastBeganMs = performance.now();
    try {
      await duty(subject);
    } catch (error) {
      onError(error);
    }
  }

  function begin(key: string, subject: string | undefined): Promise<void> {
    const current = once(subject).finally(() => {
      if (running.get(key)?.current === current) running.delete(key);
    });
    running.set(key, { current, next: undefined });
    return current;
  }

  function run(subject?: string): Promise<void> {
    if (isStopped) return Promise.resolve();
    const key = subject ?? "";
    const present = running.get(key);
    if (present === undefined) return begin(key, subject);
    present.next ??= present.current.then(() => begin(key, subject));
    return present.next;
  }

  return {
    run,
    lastBeganMs: () => lastBeganMs,
    stop: async () => {
      isStopped = true;
      await Promise.allSettled([...running.values()].map(({ current }) => current));
    },
  };
}
