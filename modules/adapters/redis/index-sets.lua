-- Sets of ordinals: a small one is a set of integers, beyond 64 members it becomes a bitmap, and it stays one until
-- it is empty. Read by every script that touches such a set; `call` and `typeOf` are for the script that follows.
local call = redis.call
local types = {}
local bitmapBeyond = 64

-- TYPE of KEYS[key], asked once per script and kept up to date by what the script does itself.
local function typeOf(key)
  local known = types[key]
  if not known then
    known = call('TYPE', KEYS[key])
    if type(known) == 'table' then known = known.ok end
    types[key] = known
  end
  return known
end

local function toBitmap(key)
  local name = KEYS[key]
  local members = call('SMEMBERS', name)
  call('DEL', name)
  for i = 1, #members do call('SETBIT', name, members[i], 1) end
  types[key] = 'string'
end

local function indexAdd(key, ordinal)
  local name = KEYS[key]
  if typeOf(key) == 'string' then
    call('SETBIT', name, ordinal, 1)
    return
  end
  call('SADD', name, ordinal)
  types[key] = 'set'
  if call('SCARD', name) > bitmapBeyond then toBitmap(key) end
end

local function indexRemove(key, ordinal)
  local name = KEYS[key]
  local kind = typeOf(key)
  if kind == 'set' then
    call('SREM', name, ordinal)
  elseif kind == 'string' then
    call('SETBIT', name, ordinal, 0)
    if call('BITPOS', name, 1) < 0 then
      call('DEL', name)
      types[key] = 'none'
    end
  end
end

local function indexHas(key, ordinal)
  local kind = typeOf(key)
  if kind == 'set' then return call('SISMEMBER', KEYS[key], ordinal) == 1 end
  if kind == 'string' then return call('GETBIT', KEYS[key], ordinal) == 1 end
  return false
end

local function isIndexType(kind) return kind == 'none' or kind == 'set' or kind == 'string' end
