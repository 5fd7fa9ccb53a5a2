-- sync — a node says what it really has: what is missing is put back, what it does not have any more is given up.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance node callers calls unsure
-- RETURNS  {'unknown'} | {'synced', JSON…}: offers that are out for its callers, {call} alone of one of the given who is not there
-- INCLUDE  now events state agent offer changes
local node = ARGV[3]
-- callers: {call: 1}; calls: [[agent, call, talks, group, wrapUpMs]…]; unsure: calls whose change is under way
local given_callers, given_calls, unsure = cjson.decode(ARGV[4]), cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
if not redis.call('ZSCORE', nodes, node) then return { 'unknown' } end
local is_unsure, had, has_call = {}, {}, {}
for _, call in ipairs(unsure) do is_unsure[call] = true end
-- What Redis has of this node. Callers and agents of whom both say the same are not looked at: there may be thousands.
local entries = redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\n', '(' .. node .. '\11')
for _, entry in ipairs(entries) do had[string.sub(entry, #node + 2)] = true end
for _, given in ipairs(given_calls) do
  local id, call, talks, group, wrap_up = unpack(given)
  local key = 'call\n' .. id .. '\n' .. call
  has_call[key] = true
  if not had[key] and not agent_of(id).calls[call] then
    occupy(id, call, { node = node, since = now, talkSince = talks and now or nil, group = group ~= '' and group or nil, wrapUpMs = wrap_up })
  end
end
for _, entry in ipairs(entries) do
  local key = string.sub(entry, #node + 2)
  local kind, rest = string.match(key, '^([^\n]*)\n(.*)$')
  if kind == 'caller' then
    if not given_callers[rest] and not is_unsure[rest] then
      local caller = caller_of(rest)
      if caller then remove_caller(rest, caller, 'lost') else redis.call('ZREM', owned, entry) end
    end
  elseif not has_call[key] then
    local id, call = string.match(rest, '^([^\n]*)\n(.*)$')
    if not is_unsure[call] and not release(id, call) then redis.call('ZREM', owned, entry) end
  end
end
settle()
commit()
local reply = { 'synced' }
for call in pairs(given_callers) do
  if not had['caller\n' .. call] then table.insert(reply, cjson.encode({ call = call })) end
end
for _, entry in ipairs(redis.call('ZRANGE', ringing, 0, -1)) do
  local call = third_part(entry)
  -- Also of those for whom an agent asks: whatever he is told, others may have been offered them.
  local is_his = given_callers[call] or is_unsure[call]
  for id, made in pairs(is_his and caller_of(call).offers or {}) do
    table.insert(reply, cjson.encode({ call = call, agent = id, token = made.token, ringMs = math.max(1000, made.expires - grace - now), why = 'again' }))
  end
end
return reply
