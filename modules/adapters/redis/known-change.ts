import type { DeviceChange } from "../../usecases/ports.ts";
import type { StoredDevice } from "./device-load.ts";

/** A change together with what is stored of its device now. */
export type KnownChange = { readonly change: DeviceChange; readonly stored: StoredDevice };
