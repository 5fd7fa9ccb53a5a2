-- list-agents — facts of some employees, and what follows from them.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agentIds
-- RETURNS  {JSON…}
-- INCLUDE  now events state agent offer changes
local reply = {}
for _, id in ipairs(cjson.decode(ARGV[3])) do
  local agent = agent_of(id)
  table.insert(reply, cjson.encode(facts_of(id, agent, unavailable_as_told(agent, member_of(id)))))
end
return reply
