-- Ordinals of the union of sets, from one on, in order. KEYS: the sets. ARGV: first ordinal, how many at most.
-- Answers one more than asked for where there are more.
local from, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local seen, found = {}, {}

local function take(ordinal)
  if ordinal >= from and not seen[ordinal] then
    seen[ordinal] = true
    found[#found + 1] = ordinal
  end
end

-- Whole bytes of zeros are skipped by BITPOS; from the first hit on, bits are read from the string itself.
local function takeBits(name)
  local start = math.floor(from / 8)
  local first = call('BITPOS', name, 1, start)
  if first < 0 then return end
  start = math.floor(first / 8)
  local taken = 0
  local block = 4096
  while taken <= limit do
    local bytes = call('GETRANGE', name, start, start + block - 1)
    if bytes == '' then return end
    for at = 1, #bytes do
      local byte = string.byte(bytes, at)
      if byte ~= 0 then
        for offset = 0, 7 do
          if bit.band(byte, bit.rshift(128, offset)) ~= 0 then
            local ordinal = (start + at - 1) * 8 + offset
            if ordinal >= from then
              take(ordinal)
              taken = taken + 1
            end
          end
        end
        if taken > limit then return end
      end
    end
    start = start + block
  end
end

for key = 1, #KEYS do
  local kind = typeOf(key)
  if kind == 'set' then
    local members = call('SMEMBERS', KEYS[key])
    for i = 1, #members do take(tonumber(members[i])) end
  elseif kind == 'string' then
    takeBits(KEYS[key])
  end
end
table.sort(found)
local reply = {}
for i = 1, math.min(#found, limit + 1) do reply[i] = found[i] end
return reply
