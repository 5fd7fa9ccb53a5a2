-- pick-up — an offered agent has answered and hears an announcement before he talks: until then the caller is his, and nobody else's.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance call agent token leaseMs
-- RETURNS  'held' | 'gone' | 'unknown': there is no such caller
-- INCLUDE  now events state agent offer changes
local call, id, token = ARGV[3], ARGV[4], tonumber(ARGV[5])
local caller = caller_of(call)
if not caller then return 'unknown' end
local made = caller.offers[id]
if not made or made.token ~= token then return 'gone' end
for other, others in pairs(caller.offers) do
  if other ~= id then
    caller.offers[other] = nil
    withdraw(other, others.token)
    -- On the way that the offer has taken, which may still be under way.
    tell(caller.node, { type = 'withdraw', call = call, agent = other, token = others.token })
  end
end
caller.pickedUp = id
made.expires = now + tonumber(ARGV[6])
agent_of(id).reservation.expires = made.expires
touch(id)
wake_caller(call, caller)
settle()
commit()
return 'held'
