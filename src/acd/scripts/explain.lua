-- explain — why a caller still waits: what was tried for him, and what keeps each member of the group.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call
-- RETURNS  JSON | ''
-- INCLUDE  now events state agent offer changes
local call = ARGV[3]
local caller = caller_of(call)
if not caller then return '' end
local standing = {}
local group = group_of(caller.group)
for i, id in ipairs(members_in(caller.group)) do
  local agent, member = agent_of(id), member_of(id)
  local made = caller.offers[id]
  local why = made and 'ringing' or unavailable(agent, member)
  if not why and is_refused(caller, id) then why = 'refusedThisCall' end
  local until_then
  if why == 'wrapUp' then until_then = agent.wrapUpUntil end
  if why == 'excluded' then until_then = agent.excludedUntil end
  if why == 'refusedThisCall' then until_then = caller.refused[id] end
  standing[i] = {
    employee = id,
    why = why or 'available',
    pause = why == 'excluded' and agent.excludedFor or nil,
    untilThen = until_then,
    tried = caller.tried[id],
    tookLaterCallerAt = caller.passedOver[id],
  }
end
return cjson.encode({
  group = caller.group,
  algorithm = group and group.algorithm or '',
  since = tonumber(string.sub(caller.place, 1, 13)),
  position = redis.call('ZLEXCOUNT', queue, from_of(caller.group), '[' .. entry_of(call, caller)),
  endsAt = caller.endsAt,
  offers = caller.story,
  members = standing,
})
