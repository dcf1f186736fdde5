-- How many ordinals meet all conditions. KEYS: three scratch keys, the set of all, then sets of ordinals.
-- ARGV: number of conditions, then as in walk.lua. The scratch keys live only while this runs.
local result, union, part, all = KEYS[1], KEYS[2], KEYS[3], 4

-- Adds a set to a bitmap.
local function addTo(bitmap, key)
  local kind = typeOf(key)
  if kind == 'string' then
    call('BITOP', 'OR', bitmap, bitmap, KEYS[key])
  elseif kind == 'set' then
    local members = call('SMEMBERS', KEYS[key])
    for i = 1, #members do call('SETBIT', bitmap, members[i], 1) end
  end
end

local at = 2
for i = 1, tonumber(ARGV[1]) do
  local positive, sets = ARGV[at] == '1', tonumber(ARGV[at + 1])
  call('DEL', union)
  for j = 1, sets do addTo(union, tonumber(ARGV[at + 1 + j])) end
  at = at + 2 + sets
  if ARGV[at] == 'bits' and ARGV[at + 1] ~= '' then
    call('SET', part, ARGV[at + 1])
    call('BITOP', 'OR', union, union, part)
  end
  at = at + 2
  if not positive then
    -- All but those: what is in the union and not in all is no device any more, and must not come in by XOR.
    call('DEL', part)
    addTo(part, all)
    call('BITOP', 'AND', union, union, part)
    call('BITOP', 'XOR', union, union, part)
  end
  if i == 1 then
    call('BITOP', 'AND', result, union)
  else
    call('BITOP', 'AND', result, result, union)
  end
end
local count = call('BITCOUNT', result)
call('DEL', result, union, part)
return count
