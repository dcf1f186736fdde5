const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

/** A packet with its fixed header; bodies below 2 MiB. */
export function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let left = body.length;
  do {
    length.push((left & 127) | (left > 127 ? 128 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** CONNECT as old clients send it. */
export function connectPacket(options: {
  readonly clientId?: string;
  readonly user?: string;
  readonly password?: string;
  readonly will?: { readonly topic: string; readonly payload: string };
  readonly level?: number;
  readonly cleanSession?: boolean;
}): Buffer {
  const { user, password, will } = options;
  const flags =
    (user === undefined ? 0 : 128) |
    (password === undefined ? 0 : 64) |
    (will === undefined ? 0 : 32 | 4) |
    (options.cleanSession === false ? 0 : 2);
  const level = options.level ?? 4;
  return packet(
    0x10,
    text("MQTT"),
    Buffer.from([level, flags, 0, 60]),
    Buffer.from(level === 5 ? [0] : []),
    text(options.clientId ?? ""),
    ...(will === undefined ? [] : [text(will.topic), text(will.payload)]),
    ...(user === undefined ? [] : [text(user)]),
    ...(password === undefined ? [] : [text(password)]),
  );
}

export const publishPacket = (
  topic: string,
  payload: string,
  qos: 0 | 1 | 2,
  id = 1,
  retain = false,
): Buffer =>
  packet(
    0x30 | (qos << 1) | (retain ? 1 : 0),
    text(topic),
    Buffer.from(qos === 0 ? [] : [id >> 8, id & 255]),
    Buffer.from(payload),
  );

export const subscribePacket = (id: number, ...filters: readonly string[]): Buffer =>
  packet(
    0x82,
    Buffer.from([id >> 8, id & 255]),
    ...filters.map((filter) => Buffer.concat([text(filter), Buffer.from([1])])),
  );

export const unsubscribePacket = (id: number, ...filters: readonly string[]): Buffer =>
  packet(0xa2, Buffer.from([id >> 8, id & 255]), ...filters.map(text));

/** Bytes as the raw socket shows them. */
export const bytes = (...values: readonly number[]): string => Buffer.from(values).toString("latin1");
