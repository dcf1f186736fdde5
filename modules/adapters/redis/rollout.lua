-- Members and final ones of a deployment up to some ordinals, with its counters, all at one moment.
-- KEYS: deployment, members, then the sets of its final members by state. ARGV: ordinals (each the first not counted,
-- '' = all). Answers { counters, members up to each, final ones up to each }.
local function upTo(key, limit)
  local kind = typeOf(key)
  if kind == 'set' then
    if limit == '' then return call('SCARD', KEYS[key]) end
    local count, members = 0, call('SMEMBERS', KEYS[key])
    for i = 1, #members do
      if tonumber(members[i]) < tonumber(limit) then count = count + 1 end
    end
    return count
  elseif kind == 'string' then
    if limit == '' then return call('BITCOUNT', KEYS[key]) end
    local ordinal = tonumber(limit)
    local bytes = math.floor(ordinal / 8)
    local count = bytes > 0 and call('BITCOUNT', KEYS[key], 0, bytes - 1) or 0
    for at = bytes * 8, ordinal - 1 do count = count + call('GETBIT', KEYS[key], at) end
    return count
  end
  return 0
end

local members, finals = {}, {}
for i = 1, #ARGV do
  members[i], finals[i] = upTo(2, ARGV[i]), 0
  for key = 3, #KEYS do finals[i] = finals[i] + upTo(key, ARGV[i]) end
end
return { call('HGETALL', KEYS[1]), members, finals }
