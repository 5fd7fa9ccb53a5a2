-- configure-agents — take over what the configuration says of some employees; nothing is done for those of whom it says what it said.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agents
-- RETURNS  changed
-- INCLUDE  now events state agent offer changes
-- [[employee, phone, respectsStatus, accounts, [[group, algorithm, priority, index]…]]…]
local changed = 0
for _, given in ipairs(cjson.decode(ARGV[3])) do
  local id = table.remove(given, 1)
  local packed = cmsgpack.pack(given)
  if redis.call('HGET', members, id) ~= packed then
    redis.call('HSET', members, id, packed)
    read_reachable(agent_of(id), member_of(id))
    touch(id)
    changed = changed + 1
  end
end
settle()
commit()
return changed
