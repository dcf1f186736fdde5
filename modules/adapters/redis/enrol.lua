-- Stores membership of devices of one shard: each gets a waiting update of the deployment, unless it is a member.
-- KEYS: deployment, members, waiting, ready, dirty, due, index of each state by code ('0' ... 'e'), index of
-- none, then the device hashes. ARGV: deployment id, member of dirty, due time or '', seq of the deployment in base 36
-- ('' = not accepted yet, newer than all that are), then per device its member of due.
-- Answers how many are members now, then the positions of devices whose list of waiting updates outgrew its field.
local id, dirtyMember, dueAt, seqText = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local seq = seqText == '' and math.huge or tonumber(seqText, 36)
local deployment, members, waiting, ready, dirty, due, firstState = 1, 2, 3, 4, 5, 6, 7
local states = '0123456789abcde'
local noState = firstState + #states
local firstDevice = noState + 1
local entry = '+' .. id
local reply = { 0 }
local added = 0

-- All types are checked before the first write, as Redis does not roll back.
local function fits(key, want)
  local kind = typeOf(key)
  return kind == 'none' or kind == want
end
for key = 1, noState do
  local right
  if key >= members and key <= ready then
    right = isIndexType(typeOf(key))
  elseif key >= firstState then
    right = fits(key, 'string')
  else
    right = fits(key, key == deployment and 'hash' or 'zset')
  end
  if not right then return redis.error_reply('WRONGTYPE ' .. KEYS[key]) end
end

-- How new the update is that the device shows; what it shows changes only for a newer one.
local function shownSeq(shown)
  if not shown then return -1 end
  return #shown == 1 and math.huge or tonumber(string.sub(shown, 2), 36)
end

local function moveState(shown, ordinal)
  local from = shown and firstState + tonumber(string.sub(shown, 1, 1), 16) or noState
  if from == firstState then return end
  call('SETBIT', KEYS[from], ordinal, 0)
  call('SETBIT', KEYS[firstState], ordinal, 1)
end

local function setDue(member)
  local known = call('ZSCORE', KEYS[due], member)
  if not known or tonumber(known) > tonumber(dueAt) then call('ZADD', KEYS[due], dueAt, member) end
end

for i = 1, #KEYS - noState do
  local key = KEYS[noState + i]
  local found = call('HMGET', key, 'o', 'r', 'k', 'w', 'l0', 'X')
  local ordinal = found[1]
  if ordinal and not found[6] then
    local list = found[4] and (found[4] .. ',' .. entry) or entry
    if indexHas(members, ordinal) then
      reply[1] = reply[1] + 1
    elseif #list > 64 or found[4] == '\2' then
      reply[#reply + 1] = i
    else
      reply[1] = reply[1] + 1
      added = added + 1
      local revision = string.format('%.0f', tonumber(found[2]) + 1)
      if found[5] or seq <= shownSeq(found[3]) then
        call('HSET', key, 'r', revision, 'w', list)
      else
        call('HSET', key, 'r', revision, 'w', list, 'k', '0' .. seqText)
        moveState(found[3], ordinal)
      end
      indexAdd(members, ordinal)
      indexAdd(waiting, ordinal)
      indexAdd(ready, ordinal)
      if dueAt ~= '' then setDue(ARGV[4 + i]) end
    end
  end
end
if added > 0 then
  call('HINCRBY', KEYS[deployment], '0', added)
  local time = call('TIME')
  call('ZADD', KEYS[dirty], time[1] .. string.format('%06d', tonumber(time[2])), dirtyMember)
end
return reply
