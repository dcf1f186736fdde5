import { CliError } from "./cli-error.ts";

/** How many devices are where; the names are the simulator's. */
export type FleetCounts = Readonly<Record<string, unknown>>;

/** What the simulator needs to run a fleet. */
export type FleetOptions = {
  readonly apiUrl: string;
  readonly token: string;
  readonly productId: string;
  readonly deviceUrl: string;
  readonly count: number;
  readonly profile: string;
  readonly prefix: string;
  readonly stepDelayMs?: number;
  readonly signal: AbortSignal;
  readonly onProgress: (counts: FleetCounts) => void;
};

/** Runs a fleet to its end, or until `signal`. */
export type FleetRunner = (options: FleetOptions) => Promise<FleetCounts>;

/** Loads the simulator only when it is asked for: every other command starts without it. */
export async function loadFleetRunner(): Promise<FleetRunner> {
  const module: unknown = await import(new URL("../simulator/fleet.ts", import.meta.url).href).catch(
    (cause) => {
      throw new CliError(`the simulator does not load: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    },
  );
  const runner =
    typeof module === "object" && module !== null && "runFleet" in module ? module.runFleet : undefined;
  if (typeof runner !== "function") throw new CliError("the simulator has no runFleet");
  return runner as FleetRunner;
}
