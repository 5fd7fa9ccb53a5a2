-- sync — a node says what it really has: what is missing is put back, what it does not have any more is given up.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings
-- ARGV     now chance node callers calls unsure
-- RETURNS  {'unknown'} | {'synced', JSON…}: offers that are out for these callers, {call} alone of one who is not there
-- INCLUDE  now state agent offer
local node = ARGV[3]
-- callers: {call: 1}; calls: [[agent, call, talks, group, wrapUpMs]…]; unsure: calls whose change is under way
local given_callers, given_calls, unsure = cjson.decode(ARGV[4]), cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
if not redis.call('ZSCORE', nodes, node) then return { 'unknown' } end
local is_unsure, has_call = {}, {}
for _, call in ipairs(unsure) do is_unsure[call] = true end
for _, given in ipairs(given_calls) do
  local id, call, talks, group, wrap_up = unpack(given)
  has_call[id .. '\n' .. call] = true
  local known = agent_of(id).calls[call]
  if known then
    if talks and not known.talkSince then known.talkSince = now end
  else
    occupy(id, call, { node = node, since = now, talkSince = talks and now or nil, group = group ~= '' and group or nil, wrapUpMs = wrap_up })
  end
end
for _, entry in ipairs(redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\n', '(' .. node .. '\11')) do
  local kind, rest = string.match(string.sub(entry, #node + 2), '^([^\n]*)\n(.*)$')
  if kind == 'caller' then
    local caller = caller_of(rest)
    if not given_callers[rest] and not is_unsure[rest] then
      if caller then remove_caller(rest, caller) else redis.call('ZREM', owned, entry) end
    end
  elseif not has_call[rest] then
    local id, call = string.match(rest, '^([^\n]*)\n(.*)$')
    if not is_unsure[call] and not release(id, call) then redis.call('ZREM', owned, entry) end
  end
end
settle()
commit()
local reply = { 'synced' }
for call in pairs(given_callers) do
  local caller = caller_of(call)
  if not caller then
    table.insert(reply, cjson.encode({ call = call }))
  else
    for id, made in pairs(caller.offers) do
      table.insert(reply, cjson.encode({ call = call, agent = id, token = made.token, ringMs = math.max(1000, made.expires - grace - now), why = 'again' }))
    end
  end
end
return reply
