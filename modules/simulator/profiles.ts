/** How scripted devices take an update. */
export const deviceProfiles = [
  /** Reports every step and succeeds. */
  "good",
  /** Says only which version it runs in the end. */
  "sparse",
  /** Fails its first download of a version, then does well. */
  "flaky",
  /** Takes the value and says nothing. */
  "silent",
  /** Installs, and comes up with its old version. */
  "falls-back",
  /** Breaks off in the middle. */
  "aborts",
  /** Does well, and stamps its reports with a clock that is far off. */
  "wrong-clock",
] as const;

/** One of {@link deviceProfiles}. */
export type DeviceProfile = (typeof deviceProfiles)[number];

/** One report of a script. */
export type ScriptStep = {
  /** A status of the schema; any text, for devices that get it wrong. */
  readonly status: string;
  readonly message?: string;
  /** Version reported; else the wanted one, or for INSTALLED_VERSION the installed one. */
  readonly version?: string;
  /** Wait before the report; else the device's own step delay. */
  readonly afterMs?: number;
};

const steps = (...statuses: readonly string[]): ScriptStep[] => statuses.map((status) => ({ status }));

const untilInstalled = [
  ...steps("INIT", "TEST", "TEST_SUCCESS", "DOWNLOAD"),
  { status: "DOWNLOAD_STEP", message: "50%" },
  ...steps("DOWNLOAD_SUCCESS", "INSTALL", "INSTALL_SUCCESS"),
];

const whole: readonly ScriptStep[] = [...untilInstalled, ...steps("INSTALLED_VERSION")];

/**
 * What a device of this profile reports for an update. `attempt` counts, from 1, how often it was given the version;
 * `installed` is the version it runs.
 */
export function scriptOf(
  profile: DeviceProfile,
  { attempt, installed }: { readonly attempt: number; readonly installed: string },
): readonly ScriptStep[] {
  switch (profile) {
    case "good":
    case "wrong-clock":
      return whole;
    case "sparse":
      return steps("INSTALLED_VERSION");
    case "flaky":
      return attempt === 1
        ? [...steps("INIT", "DOWNLOAD"), { status: "DOWNLOAD_ERROR", message: "connection reset" }]
        : whole;
    case "silent":
      return [];
    case "falls-back":
      return [...untilInstalled, { status: "INSTALLED_VERSION", version: installed }];
    case "aborts":
      return [
        ...steps("INIT", "DOWNLOAD"),
        { status: "INSTALL_ABORTED", message: "refused by the operator" },
      ];
  }
}
