-- set-status — an agent sets his status; one that lets him take calls ends his exclusion.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance agent status base ageMs
-- RETURNS  'set' | 'older'
-- INCLUDE  now events state agent offer changes
-- ageMs: how long ago he set it, more than 0 when a node remembers it after Redis lost its data. The latest that he set is his status.
local agent, at = agent_of(ARGV[3]), now - tonumber(ARGV[6])
if at < agent.statusAt then return 'older' end
agent.status, agent.base, agent.statusAt = ARGV[4], ARGV[5], at
if agent.base == 'online' then
  agent.excludedUntil = 0
  agent.excludedFor = ''
end
touch(ARGV[3])
settle()
commit()
return 'set'
