import { OtauError } from "../../errors.ts";
import type { AppTokenRecord, AppTokenStore } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

const recordsKey = "otau:{tokens}:records";
const digestsKey = "otau:{tokens}:digests";
const idsKey = "otau:{tokens}:ids";
const allKeys = [recordsKey, digestsKey, idsKey];

/** A record is stored as `<revision> <createdAt> <digest>`, a line break and the rest as JSON. */
const readHead = `
typed({ 'hash', 'hash', 'zset' })
local function readHead(text)
  if not text then return nil end
  local rev, at, digest, body = string.match(text, '^(%S+) (%S+) (%S+)\\n(.*)$')
  return { rev = rev, at = at, digest = digest, body = body }
end
`;

/** KEYS: records, digests, ids. ARGV: id, digest, JSON. The same one sent twice is one. */
const createToken = productScript(
  "createToken",
  `${readHead}
local id, digest = ARGV[1], ARGV[2]
local known = readHead(redis.call('HGET', KEYS[1], id))
if known then return { known.digest == digest and 'created' or 'taken', redis.call('HGET', KEYS[1], id) } end
if redis.call('HEXISTS', KEYS[2], digest) == 1 then return { 'taken' } end
local text = '1 ' .. int(now) .. ' ' .. digest .. '\\n' .. ARGV[3]
redis.call('HSET', KEYS[1], id, text)
redis.call('HSET', KEYS[2], digest, id)
redis.call('ZADD', KEYS[3], 0, id)
return { 'created', text }`,
);

/** KEYS: records, digests, ids. ARGV: id, new digest. */
const rotateToken = productScript(
  "rotateToken",
  `${readHead}
local id, digest = ARGV[1], ARGV[2]
local known = readHead(redis.call('HGET', KEYS[1], id))
if not known then return { 'absent' } end
if known.digest == digest then return { 'rotated', redis.call('HGET', KEYS[1], id) } end
if redis.call('HEXISTS', KEYS[2], digest) == 1 then return { 'taken' } end
local text = int(tonumber(known.rev) + 1) .. ' ' .. known.at .. ' ' .. digest .. '\\n' .. known.body
redis.call('HSET', KEYS[1], id, text)
redis.call('HSET', KEYS[2], digest, id)
redis.call('HDEL', KEYS[2], known.digest)
return { 'rotated', text }`,
);

/** KEYS: records, digests, ids. ARGV: id. */
const removeToken = productScript(
  "removeToken",
  `${readHead}
local known = readHead(redis.call('HGET', KEYS[1], ARGV[1]))
if not known then return { 'absent' } end
redis.call('HDEL', KEYS[2], known.digest)
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return { 'removed' }`,
);

/** KEYS: records, digests. ARGV: digest. */
const findToken = productScript(
  "findToken",
  `
typed({ 'hash', 'hash' })
local id = redis.call('HGET', KEYS[2], ARGV[1])
if not id then return {} end
return { id, redis.call('HGET', KEYS[1], id) or '' }`,
);

/** Tokens of the app API, by the digest of their secret. Whether one has expired is for the caller to see. */
export function makeAppTokenStore(deps: ProductStoreDeps): AppTokenStore {
  const { redis } = deps;

  async function getMany(ids: readonly string[]): Promise<AppTokenRecord[]> {
    if (ids.length === 0) return [];
    const texts = await withStoreErrors(() => redis.hmget(recordsKey, ...ids));
    return ids.flatMap((id, at) => readToken(id, texts[at] ?? "") ?? []);
  }

  return {
    get: async (id) => (await getMany([id]))[0],
    async list({ after, limit }) {
      const from = after === undefined ? "-" : `(${after}`;
      const ids = await withStoreErrors(() => redis.zrangebylex(idsKey, from, "+", "LIMIT", 0, limit));
      const items = await getMany(ids);
      const last = ids.at(-1);
      return ids.length < limit || last === undefined ? { items } : { items, next: last };
    },
    async create({ id, ...body }, digest) {
      const args = [id, digest, JSON.stringify(body)];
      const [outcome, text = ""] = await runProductScript(deps, createToken, allKeys, args);
      if (outcome !== "created") throw taken(id);
      return { id, ...body, ...readNumbers(text) };
    },
    async rotate(id, digest) {
      const [outcome, text = ""] = await runProductScript(deps, rotateToken, allKeys, [id, digest]);
      if (outcome === "taken") throw taken(id);
      return outcome === "absent" ? undefined : readToken(id, text);
    },
    async remove(id) {
      return (await runProductScript(deps, removeToken, allKeys, [id]))[0] === "removed";
    },
    async findByDigest(digest) {
      const [id, text = ""] = await runProductScript(deps, findToken, [recordsKey, digestsKey], [digest]);
      return id === undefined ? undefined : readToken(id, text);
    },
  };
}

function readToken(id: string, text: string): AppTokenRecord | undefined {
  if (text === "") return undefined;
  const body = JSON.parse(text.slice(text.indexOf("\n") + 1));
  return { id, ...body, ...readNumbers(text) };
}

function readNumbers(text: string): { revision: number; createdAt: number } {
  const [revision, createdAt] = text.slice(0, text.indexOf("\n")).split(" ");
  return { revision: Number(revision), createdAt: Number(createdAt) };
}

function taken(id: string): OtauError {
  return new OtauError("INTERNAL", `The id or secret drawn for token ${id} is in use already; try again.`);
}
