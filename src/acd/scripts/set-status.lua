-- set-status — an agent sets his status; one that lets him take calls ends his exclusion.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings
-- ARGV     now chance agent status base
-- RETURNS  'set'
-- INCLUDE  now state agent offer
local agent = agent_of(ARGV[3])
agent.status, agent.base, agent.statusAt = ARGV[4], ARGV[5], now
if agent.base == 'online' then
  agent.excludedUntil = 0
  agent.excludedFor = ''
end
touch(ARGV[3])
settle()
commit()
return 'set'
