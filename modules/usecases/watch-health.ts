/** One thing that readiness depends on. */
export type HealthCheck = { readonly name: string; readonly isOk: boolean; readonly detail: string };
export type Health = { readonly isReady: boolean; readonly checks: readonly HealthCheck[] };

export type HealthDeps = {
  /** Each check by itself; one that throws counts as failed. */
  readonly checks: Readonly<Record<string, () => Promise<{ isOk: boolean; detail: string }>>>;
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
  /** What a reader must know of the store, the trial one above all. */
  readonly store: { readonly rung: string; readonly durability: string; readonly note: string };
};

/** Life and readiness: not only whether the store answers, but whether work is getting done. */
export function makeWatchHealth({ checks, metrics, store }: HealthDeps) {
  async function one(
    name: string,
    check: () => Promise<{ isOk: boolean; detail: string }>,
  ): Promise<HealthCheck> {
    try {
      return { name, ...(await check()) };
    } catch (error) {
      return { name, isOk: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  async function readiness(): Promise<Health> {
    const all = await Promise.all(Object.entries(checks).map(([name, check]) => one(name, check)));
    return { isReady: all.every(({ isOk }) => isOk), checks: all };
  }

  return { readiness, metrics, store };
}
