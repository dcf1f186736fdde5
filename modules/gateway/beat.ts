import type { Logger } from "../logger.ts";
import type { DeviceAccess } from "../usecases/device-access.ts";

const beatMs = 500;

/** Tells every 500 ms that a device listener is up, until the returned function is called. */
export function startBeat(access: Pick<DeviceAccess, "beat">, log: Logger): () => void {
  let isBeating = false;
  const beat = async (): Promise<void> => {
    // One at a time: a store that hangs must not collect beats.
    if (isBeating) return;
    isBeating = true;
    try {
      await access.beat();
    } catch (error) {
      log.debug({ err: error }, "beat not stored");
    } finally {
      isBeating = false;
    }
  };
  void beat();
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  return () => clearInterval(timer);
}
