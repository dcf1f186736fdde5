/** A device as firmware speaks: Murano's HTTP device API, with its token. */
export type DeviceClient = {
  /** Writes resources; answers the status. */
  readonly write: (values: Readonly<Record<string, string>>) => Promise<number>;
  /** Reads one resource; `undefined` when there is no value. */
  readonly read: (alias: string) => Promise<string | undefined>;
};

/** Speaks to the device listener at `deviceUrl`. Reads throw on any answer but 200 and 204. */
export function makeDeviceClient(deviceUrl: string, token: string): DeviceClient {
  const url = `${deviceUrl}/onep:v1/stack/alias`;
  const headers = { "x-exosite-cik": token };
  return {
    write: async (values) => {
      const body = new URLSearchParams(values).toString();
      const type = "application/x-www-form-urlencoded; charset=utf-8";
      const reply = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": type },
        body,
      });
      await reply.arrayBuffer();
      return reply.status;
    },
    read: async (alias) => {
      const reply = await fetch(`${url}?${encodeURIComponent(alias)}`, { headers });
      const text = await reply.text();
      if (reply.status === 204) return undefined;
      if (reply.status !== 200) throw new Error(`reading ${alias} was answered ${reply.status}: ${text}`);
      return new URLSearchParams(text).get(alias) ?? undefined;
    },
  };
}
