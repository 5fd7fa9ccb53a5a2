-- begin-call — an agent is occupied by a call that no queue gave him, or begins to talk in it.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agent call node talks incoming ifFree
-- RETURNS  'occupied' | 'busy'
-- INCLUDE  now events state agent offer changes
local id, call, node = ARGV[3], ARGV[4], ARGV[5]
local known = agent_of(id).calls[call]
-- Whoever wants to ring him asks first: he may be in a call, or be offered one, on any node.
if ARGV[8] == '1' and not known and (next(agent_of(id).calls) or agent_of(id).reservation) then return 'busy' end
local occupation = known or { node = node, since = now }
if ARGV[6] == '1' and not occupation.talkSince then
  occupation.talkSince = now
  if ARGV[7] == '1' then
    local agent = agent_of(id)
    count_today(id, agent)
    agent.answeredToday = agent.answeredToday + 1
  end
end
occupy(id, call, occupation)
settle()
commit()
return 'occupied'
