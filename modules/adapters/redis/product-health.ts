import type { StoreHealth } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import type { RedisConnection } from "./scripts.ts";

export type StoreHealthDeps = {
  readonly redis: RedisConnection;
  /** How durable the store is, as the one who opened it knows. */
  readonly describe: () => string | Promise<string>;
};

/** Whether the store answers, and what a 2xx is worth. */
export function makeStoreHealth({ redis, describe }: StoreHealthDeps): StoreHealth {
  return {
    async ping() {
      await withStoreErrors(() => redis.ping());
    },
    durability: async () => describe(),
  };
}
