-- One shard's devices in the order of their identities, those that match. KEYS: the identities, then sets of
-- ordinals. ARGV: prefix in lower case, identity to go on after or '', most to answer, most to look at, 'list' or
-- 'count', number of conditions, then per condition: 1 = in one of the sets, 0 = in none of them, number of sets,
-- their positions in KEYS, 'bits' or '', a bitmap of further ordinals.
-- All conditions must hold. Answers { 'o', ordinals } where the conditions leave only few, then all of them and
-- whatever the prefix; else { 'w', where to go on or '', members ... }, or { 'c', where to go on or '', count }.
local prefix, after = ARGV[1], ARGV[2]
local limit, scanMax, counts = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == 'count'
local fewMax = 500
local conditions = {}

local function testBit(bytes, ordinal)
  local byte = string.byte(bytes, math.floor(ordinal / 8) + 1)
  return byte ~= nil and bit.band(byte, bit.rshift(128, ordinal % 8)) ~= 0
end

local function eachBit(bytes, visit)
  for at = 1, #bytes do
    local byte = string.byte(bytes, at)
    if byte ~= 0 then
      for offset = 0, 7 do
        if bit.band(byte, bit.rshift(128, offset)) ~= 0 then visit((at - 1) * 8 + offset) end
      end
    end
  end
end

-- A set as { members } or { bits }, with how many it holds; `bits` given by the caller are not counted.
local function readSet(key)
  local kind = typeOf(key)
  if kind == 'string' then return { bits = call('GET', KEYS[key]), size = call('BITCOUNT', KEYS[key]) } end
  local set = { members = {}, size = 0 }
  if kind == 'set' then
    local members = call('SMEMBERS', KEYS[key])
    set.size = #members
    for i = 1, #members do set.members[tonumber(members[i])] = true end
  end
  return set
end

local function readConditions()
  local at = 7
  for i = 1, tonumber(ARGV[6]) do
    local condition = { positive = ARGV[at] == '1', sets = {}, size = 0 }
    local sets = tonumber(ARGV[at + 1])
    for j = 1, sets do
      local set = readSet(tonumber(ARGV[at + 1 + j]))
      condition.size = condition.size + set.size
      condition.sets[j] = set
    end
    at = at + 2 + sets
    if ARGV[at] == 'bits' then
      condition.sets[sets + 1] = { bits = ARGV[at + 1] }
      condition.size = math.huge
    end
    at = at + 2
    conditions[i] = condition
  end
end

local function isIn(set, ordinal)
  if set.members then return set.members[ordinal] == true end
  return testBit(set.bits, ordinal)
end

local function matches(ordinal)
  for i = 1, #conditions do
    local condition = conditions[i]
    local found = false
    for j = 1, #condition.sets do
      if isIn(condition.sets[j], ordinal) then
        found = true
        break
      end
    end
    if found ~= condition.positive then return false end
  end
  return true
end

-- Few devices are found sooner one by one than by walking past all the others.
local function few()
  local smallest
  for i = 1, #conditions do
    local condition = conditions[i]
    if condition.positive and condition.size <= fewMax and (not smallest or condition.size < smallest.size) then
      smallest = condition
    end
  end
  if not smallest then return nil end
  local seen, ordinals = {}, {}
  local function visit(ordinal)
    if not seen[ordinal] and matches(ordinal) then ordinals[#ordinals + 1] = ordinal end
    seen[ordinal] = true
  end
  for j = 1, #smallest.sets do
    local set = smallest.sets[j]
    if set.members then
      for ordinal in pairs(set.members) do visit(ordinal) end
    else
      eachBit(set.bits, visit)
    end
  end
  return ordinals
end

-- Byte order, which is not what Lua compares by: its order depends on the locale.
local function isBefore(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The spellings of the prefix in upper and lower case that some identity has, in byte order.
local function spellings()
  local found = { '' }
  for i = 1, #prefix do
    local letter = string.sub(prefix, i, i)
    local upper = string.upper(letter)
    local letters = upper == letter and { letter } or { upper, letter }
    local longer = {}
    for j = 1, #found do
      for k = 1, #letters do
        local spelling = found[j] .. letters[k]
        local hit = call('ZRANGEBYLEX', KEYS[1], '[' .. spelling, '(' .. spelling .. '\255', 'LIMIT', 0, 1)
        if #hit > 0 then longer[#longer + 1] = spelling end
      end
    end
    found = longer
  end
  return found
end

local looked, hits, members, cursor = 0, 0, {}, ''

-- False when the walk must stop here.
local function walkRange(spelling)
  local top = spelling == '' and '+' or '(' .. spelling .. '\255'
  local bottom = spelling == '' and '-' or '[' .. spelling
  if after ~= '' then
    if isBefore(spelling, after) then bottom = '(' .. after .. '\0\255' end
  end
  while true do
    local block = call('ZRANGEBYLEX', KEYS[1], bottom, top, 'LIMIT', 0, 250)
    for i = 1, #block do
      local member = block[i]
      local split = string.find(member, '\0', 1, true)
      looked = looked + 1
      if matches(tonumber(string.sub(member, split + 1), 36)) then
        hits = hits + 1
        if not counts then members[hits] = string.sub(member, 1, split - 1) end
      end
      if looked >= scanMax or (not counts and hits >= limit) then
        cursor = string.sub(member, 1, split - 1)
        return false
      end
    end
    if #block < 250 then return true end
    bottom = '(' .. block[#block]
  end
end

readConditions()
local ordinals = few()
if ordinals then return { 'o', ordinals } end
local starts = spellings()
for i = 1, #starts do
  if not walkRange(starts[i]) then break end
end
if counts then return { 'c', cursor, hits } end
return { 'w', cursor, members }
