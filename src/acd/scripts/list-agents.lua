-- list-agents — facts of some employees, and what follows from them.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings
-- ARGV     now chance agentIds
-- RETURNS  {JSON…}
-- INCLUDE  now state agent offer
local reply = {}
for _, id in ipairs(cjson.decode(ARGV[3])) do
  local agent, member = agent_of(id), member_of(id)
  local calls = {}
  for call, occupation in pairs(agent.calls) do
    calls[call] = { since = occupation.since, talkSince = occupation.talkSince, group = occupation.group }
  end
  table.insert(reply, cjson.encode({
    employee = id,
    unavailable = unavailable(agent, member),
    status = agent.status,
    base = agent.base,
    statusAt = agent.statusAt or 0,
    calls = calls,
    reservation = agent.reservation or nil,
    reachableUntil = agent.reachableUntil,
    wrapUpUntil = agent.wrapUpUntil,
    excludedUntil = agent.excludedUntil,
    excludedFor = agent.excludedFor,
    lastEnd = agent.lastEnd,
    talkToday = agent.talkToday,
    answeredToday = agent.answeredToday,
    isFree = #agent.freeAs > 0,
  }))
end
return reply
