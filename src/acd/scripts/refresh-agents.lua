-- refresh-agents — read anew who is registered.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agentIds
-- RETURNS  count
-- INCLUDE  now events state agent offer changes
local ids = cjson.decode(ARGV[3])
for _, id in ipairs(ids) do
  read_reachable(agent_of(id), member_of(id))
  touch(id)
end
settle()
commit()
return #ids
