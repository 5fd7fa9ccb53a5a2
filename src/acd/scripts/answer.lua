-- answer — an offered agent has answered: he gets the caller, everybody else who was rung for him is free.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call agent token
-- RETURNS  {'connected', waitedMs, story, {loser, …}} | {'gone'} | {'unknown'}: there is no such caller
-- INCLUDE  now events state agent offer changes
local call, id, token = ARGV[3], ARGV[4], tonumber(ARGV[5])
local caller = caller_of(call)
if not caller then return { 'unknown' } end
local made = caller.offers[id]
if not made or made.token ~= token then return { 'gone' } end

local agent = agent_of(id)
agent.reservation = false
count_today(id, agent)
agent.answeredToday = agent.answeredToday + 1
occupy(id, call, {
  node = caller.node,
  since = now,
  talkSince = now,
  wrapUpMs = caller.wrapUpMs,
  group = caller.group,
})
caller.offers[id] = nil
local losers = {}
for other in pairs(caller.offers) do table.insert(losers, other) end
for i = #caller.story, 1, -1 do
  if caller.story[i].agent == id then
    caller.story[i].outcome = 'answered'
    break
  end
end
if caller.number ~= '' then redis.call('HSET', familiar, caller.group .. '\n' .. caller.number, id) end
count(caller.group, 'answered', 1)
-- The service level: answered within 30 s, what the manual's reports call fast (§4.5.9.1).
if now - caller.enteredAt <= 30000 then count(caller.group, 'answeredInTime', 1) end
count(caller.group, 'waitedMs', now - caller.enteredAt)
local story = cjson.encode(caller.story)
local waited = now - caller.enteredAt
remove_caller(call, caller, 'answered', id)
settle()
commit()
return { 'connected', waited, story, losers }
