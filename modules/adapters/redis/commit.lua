-- Commits changes of devices of one shard. It interprets what it is given and computes no key.
-- KEYS: all keys of all items. ARGV[1], JSON: [kinds, items]. `kinds` has one character per key, see `kindNames`,
-- and H = hash of a device of an item, D = hash of a deployment (read at once). An item is
--   [device key, expected revision ('' = absent, 'x<revision>' = deleted at that revision), commit id,
--    [deployment key, generation, ...], [[operation, key, arguments ...], ...]]
-- Answers per item: 0 done, 1 stale, 2 fenced, 3 gone, or the name of a key of a wrong type.
-- Everything is checked before an item's first write, as Redis does not roll back; an item that fails harms no other.
local request = cjson.decode(ARGV[1])
local kinds, items = request[1], request[2]
local kindNames = { h = 'hash', z = 'zset', l = 'list', x = 'stream', s = 'set', b = 'string', a = 'any', i = 'index' }
local idLength = 5
local devices, generations, wrong, anyWrong = {}, {}, {}, false

for key = 1, #KEYS do
  local kind = string.sub(kinds, key, key)
  if kind == 'H' then
    devices[key] = redis.pcall('HMGET', KEYS[key], 'r', 'c', 'X')
    if devices[key].err then wrong[key] = true end
  elseif kind == 'D' then
    local generation = redis.pcall('HGET', KEYS[key], 'g')
    if type(generation) == 'table' and generation.err then wrong[key] = true end
    generations[key] = generation
  elseif kind ~= 'a' then
    local found = typeOf(key)
    local want = kindNames[kind]
    local fits = found == 'none' or found == want or (kind == 'i' and (found == 'set' or found == 'string'))
    if not fits then wrong[key] = true end
  end
  if wrong[key] then anyWrong = true end
end

-- Counters of deployments and their marks are gathered, and written once for all items.
local deltas, emptied, marks = {}, {}, {}

local function count(key, code, by, set)
  local counters = deltas[key]
  if not counters then
    counters = {}
    deltas[key] = counters
    emptied[key] = {}
  end
  counters[code] = (counters[code] or 0) + by
  if set then emptied[key][code] = set end
end

local function fold(key, position, lastAt, message)
  local line = call('LINDEX', key, position)
  if not line then return end
  local counted, body, tail = string.match(line, '^(%d*),%d*,([^\n]*)(.*)$')
  if not counted then return end
  if message ~= '' then tail = '\n' .. string.sub(message, 2) end
  local total = string.format('%d', (tonumber(counted) or 1) + 1)
  call('LSET', key, position, total .. ',' .. lastAt .. ',' .. body .. tail)
end

local function run(operation)
  local name, at = operation[1], operation[2]
  local key = KEYS[at]
  if name == 'h' then
    call('HSET', key, unpack(operation, 3))
  elseif name == 'M' then
    -- From one state to another: key, from, its set, to, its set, ordinal; no `from` for a new member.
    local from, to, ordinal = operation[3], operation[5], operation[7]
    if from ~= '' then
      local set = operation[4]
      local kind = typeOf(set)
      if kind == 'string' then
        call('SETBIT', KEYS[set], ordinal, 0)
      elseif kind == 'set' then
        call('SREM', KEYS[set], ordinal)
      end
      count(at, from, -1, set)
    end
    indexAdd(operation[6], ordinal)
    count(at, to, 1)
  elseif name == 'z' then
    call('ZADD', key, operation[3], operation[4])
  elseif name == 'B' then
    call('SETBIT', key, operation[3], operation[4])
  elseif name == 'l' then
    -- Appends lines: most lines, lines.
    local length = call('RPUSH', key, unpack(operation, 4))
    local most = tonumber(operation[3])
    if length > most then call('LTRIM', key, -most, -1) end
  elseif name == 'x' then
    call('XADD', key, '*', unpack(operation, 3))
  elseif name == 's' then
    -- When the device was heard of: six bytes by ordinal.
    -- In two parts: the trial store's struct knows 32 bits.
    local at = tonumber(operation[4])
    local seen = struct.pack('>I2I4', math.floor(at / 4294967296), at % 4294967296)
    call('SETRANGE', key, tonumber(operation[3]) * 6, seen)
  elseif name == 'm' then
    marks[at] = marks[at] or {}
    marks[at][operation[3]] = true
  elseif name == 'a' then
    call('SADD', key, operation[3])
  elseif name == 'd' then
    call('HDEL', key, unpack(operation, 3))
  elseif name == 'y' then
    call('ZREM', key, operation[3])
  elseif name == 'S' then
    count(at, operation[3], tonumber(operation[4]))
  elseif name == '+' then
    indexAdd(at, operation[3])
  elseif name == '-' then
    indexRemove(at, operation[3])
  elseif name == 'i' then
    -- A counter; one that comes to zero is dropped.
    if call('HINCRBY', key, operation[3], operation[4]) == 0 then call('HDEL', key, operation[3]) end
  elseif name == 'f' then
    fold(key, operation[3], operation[4], operation[5])
  elseif name == 'Z' then
    -- Only to an earlier score, for a member that may have one already.
    local known = call('ZSCORE', key, operation[4])
    if not known or tonumber(known) > tonumber(operation[3]) then call('ZADD', key, operation[3], operation[4]) end
  elseif name == 'k' then
    call('DEL', key)
    types[at] = 'none'
  elseif name == 'e' then
    call('PEXPIRE', key, operation[3])
  elseif name == 'P' then
    call('SPUBLISH', key, operation[3])
  elseif name == 'p' then
    call('PUBLISH', key, operation[3])
  end
end

-- Nil where the device stands as the decision saw it, else the answer of the item.
local function checkDevice(stored, revision, commitId)
  local found = stored[1] or ''
  if stored[3] then found = 'x' .. found end
  if found == revision then return nil end
  local ids = stored[2] or ''
  for at = 1, #ids, idLength do
    if string.sub(ids, at, at + idLength - 1) == commitId then return 0 end
  end
  if found == '' or stored[3] then return 3 end
  return 1
end

local function check(item)
  local key, fences = item[1], item[4]
  if wrong[key] then return KEYS[key] end
  local verdict = checkDevice(devices[key], item[2], item[3])
  if verdict then return verdict end
  for at = 1, #fences, 2 do
    if wrong[fences[at]] then return KEYS[fences[at]] end
    local generation = generations[fences[at]]
    if generation and tonumber(generation) > fences[at + 1] then return 2 end
  end
  if not anyWrong then return nil end
  for _, operation in ipairs(item[5]) do
    for at = 2, #operation do
      -- Keys beside the first stand as numbers, and so does nothing else.
      local operand = operation[at]
      if type(operand) == 'number' and wrong[operand] then return KEYS[operand] end
    end
  end
  return nil
end

local results = {}
for i = 1, #items do
  local item = items[i]
  local verdict = check(item)
  if not verdict then
    local operations = item[5]
    for at = 1, #operations do run(operations[at]) end
    verdict = 0
  end
  results[i] = verdict
end

for key, counters in pairs(deltas) do
  for code, by in pairs(counters) do
    if by ~= 0 and call('HINCRBY', KEYS[key], code, by) == 0 then
      local set = emptied[key][code]
      if set and typeOf(set) == 'string' then call('DEL', KEYS[set]) end
    end
  end
end
if next(marks) then
  local time = call('TIME')
  for key, members in pairs(marks) do
    for member in pairs(members) do call('ZADD', KEYS[key], time[1] .. string.format('%06d', tonumber(time[2])), member) end
  end
end
return results
