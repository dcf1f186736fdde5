-- Commits changes of devices of one shard. It interprets a flat list and computes no key.
-- ARGV: per item
--   device key, expected revision ('' = absent, 'x<revision>' = deleted at that revision), commit id,
--   number of fences, (deployment key, generation) ..., number of operations,
--   (operation, key, number of arguments, arguments ...) ...
-- Answers per item: 0 done, 1 stale, 2 fenced, 3 gone, or the name of a key of a wrong type.
-- An item is checked whole before its first write, as Redis does not roll back; one that fails harms no other.
local idLength = 6
local cursor = 1

local function field(offset) return ARGV[cursor + offset] end

local run = {}
local expected = {}

expected.h = 'hash'
run.h = function(key, first, last) call('HSET', KEYS[key], unpack(ARGV, first, last)) end

expected.d = 'hash'
run.d = function(key, first, last) call('HDEL', KEYS[key], unpack(ARGV, first, last)) end

-- A counter; one that comes to zero is dropped.
expected.i = 'hash'
run.i = function(key, first)
  if call('HINCRBY', KEYS[key], ARGV[first], ARGV[first + 1]) == 0 then call('HDEL', KEYS[key], ARGV[first]) end
end

expected.z = 'zset'
run.z = function(key, first) call('ZADD', KEYS[key], ARGV[first], ARGV[first + 1]) end

-- Only to an earlier score, for a member that may have one already.
expected.Z = 'zset'
run.Z = function(key, first)
  local known = call('ZSCORE', KEYS[key], ARGV[first + 1])
  if not known or tonumber(known) > tonumber(ARGV[first]) then
    call('ZADD', KEYS[key], ARGV[first], ARGV[first + 1])
  end
end

expected.y = 'zset'
run.y = function(key, first) call('ZREM', KEYS[key], ARGV[first]) end

expected['+'] = 'index'
run['+'] = function(key, first) indexAdd(key, ARGV[first]) end

expected['-'] = 'index'
run['-'] = function(key, first) indexRemove(key, ARGV[first]) end

-- Folds a report into the line at this position from the end: one more, its time, its message after '+'.
expected.f = 'list'
run.f = function(key, first)
  local line = call('LINDEX', KEYS[key], ARGV[first])
  if not line then return end
  local count, body, tail = string.match(line, '^(%d*),%d*,([^\n]*)(.*)$')
  if not count then return end
  local message = ARGV[first + 2]
  if message ~= '' then tail = '\n' .. string.sub(message, 2) end
  count = (tonumber(count) or 1) + 1
  call('LSET', KEYS[key], ARGV[first], string.format('%d', count) .. ',' .. ARGV[first + 1] .. ',' .. body .. tail)
end

-- Appends lines; arguments: most lines, time to live in ms, lines.
expected.l = 'list'
run.l = function(key, first, last)
  local length = 0
  for at = first + 2, last do length = call('RPUSH', KEYS[key], ARGV[at]) end
  local most = tonumber(ARGV[first])
  if length > most then call('LTRIM', KEYS[key], -most, -1) end
  call('PEXPIRE', KEYS[key], ARGV[first + 1])
end

expected.x = 'stream'
run.x = function(key, first, last) call('XADD', KEYS[key], '*', unpack(ARGV, first, last)) end

expected.a = 'set'
run.a = function(key, first) call('SADD', KEYS[key], ARGV[first]) end

-- Marks a deployment whose totals moved; arguments: the counter's key, the deployment.
expected.m = 'zset'
run.m = function(key, first)
  call('ZADD', KEYS[key], call('INCR', KEYS[tonumber(ARGV[first])]), ARGV[first + 1])
end

-- When the device was heard of: six bytes by ordinal.
expected.s = 'string'
run.s = function(key, first)
  call('SETRANGE', KEYS[key], tonumber(ARGV[first]) * 6, struct.pack('>I6', tonumber(ARGV[first + 1])))
end

expected.k = 'any'
run.k = function(key) call('DEL', KEYS[key]) types[key] = 'none' end

expected.e = 'any'
run.e = function(key, first) call('PEXPIRE', KEYS[key], ARGV[first]) end

expected.P = 'any'
run.P = function(key, first) call('SPUBLISH', KEYS[key], ARGV[first]) end

expected.p = 'any'
run.p = function(key, first) call('PUBLISH', KEYS[key], ARGV[first]) end

local function fits(key, want)
  if want == 'any' then return true end
  local kind = typeOf(key)
  if want == 'index' then return isIndexType(kind) end
  return kind == 'none' or kind == want
end

-- The device stands where the decision saw it: nil, else the answer of the item.
local function checkDevice(key, revision, commitId)
  if not fits(key, 'hash') then return KEYS[key] end
  local stored = call('HMGET', KEYS[key], 'r', 'c', 'X')
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

-- Checks what stands from the cursor on, and moves it to the item's first operation.
local function checkFences()
  local verdict = nil
  local count = tonumber(field(0))
  cursor = cursor + 1
  for _ = 1, count do
    local key = tonumber(field(0))
    if not fits(key, 'hash') then
      verdict = KEYS[key]
    else
      local generation = call('HGET', KEYS[key], 'g')
      if generation and tonumber(generation) > tonumber(field(1)) then verdict = verdict or 2 end
    end
    cursor = cursor + 2
  end
  return verdict
end

-- The key of a wrong type, if there is one; the cursor comes to the item's end.
local function checkOperations(count)
  local wrong = nil
  for _ = 1, count do
    local operation = field(0)
    local key = tonumber(field(1))
    local want = expected[operation]
    if not want then
      wrong = 'operation ' .. operation
    elseif not fits(key, want) then
      wrong = KEYS[key]
    end
    if operation == 'm' and not fits(tonumber(field(3)), 'string') then wrong = KEYS[tonumber(field(3))] end
    cursor = cursor + 3 + tonumber(field(2))
  end
  return wrong
end

local function runOperations(count)
  for _ = 1, count do
    local first = cursor + 3
    local arguments = tonumber(field(2))
    run[field(0)](tonumber(field(1)), first, first + arguments - 1)
    cursor = first + arguments
  end
end

local results = {}
while cursor <= #ARGV do
  local verdict = checkDevice(tonumber(field(0)), field(1), field(2))
  cursor = cursor + 3
  local fenced = checkFences()
  verdict = verdict or fenced
  local count = tonumber(field(0))
  cursor = cursor + 1
  local operationsAt = cursor
  verdict = verdict or false
  local wrong = checkOperations(count)
  if verdict == false and wrong then verdict = wrong end
  if verdict == false then
    local itemEnd = cursor
    cursor = operationsAt
    runOperations(count)
    cursor = itemEnd
    verdict = 0
  end
  results[#results + 1] = verdict
end
return results
