-- bind — apply all contacts of one REGISTER, or none (RFC 3261 §10.3).
-- KEYS     bindings expiry
-- ARGV     now account callId cseq max beyond contacts
-- RETURNS  {'bound', now, {binding…}, {change, binding…}} | {'out-of-order'} | {'too-many'}
-- INCLUDE  now bindings
local bindings, expiry = KEYS[1], KEYS[2]
local now, account = time_now(ARGV[1]), ARGV[2]
local call_id, cseq = ARGV[3], tonumber(ARGV[4])
local max, beyond = tonumber(ARGV[5]), ARGV[6]
local contacts = cjson.decode(ARGV[7]) -- list of {key, expiresMs, data}

local live, dead = split_live(read_bindings(bindings, account), now)
local changes = {}
local function change(what, binding)
  table.insert(changes, what)
  table.insert(changes, cjson.encode(binding))
end
for _, binding in ipairs(dead) do change('expired', binding) end

local by_key = {}
for i, binding in ipairs(live) do by_key[binding.key] = i end
for _, contact in ipairs(contacts) do
  local i = by_key[contact.key]
  local old = i and live[i]
  -- The same contact twice in one request is not a matter of order.
  if old and old.inThisRequest == nil and is_out_of_order(old, call_id, cseq) then return { 'out-of-order' } end
  if contact.expiresMs > 0 then
    local binding = {
      key = contact.key,
      callId = call_id,
      cseq = cseq,
      boundAt = old and old.boundAt or now,
      refreshedAt = now,
      expiresAt = now + contact.expiresMs,
      data = contact.data,
      inThisRequest = old and (old.inThisRequest or 'refreshed') or 'bound',
    }
    if old then
      live[i] = binding
    else
      table.insert(live, binding)
      by_key[contact.key] = #live
    end
  elseif old then
    table.remove(live, i)
    by_key = {}
    for j, binding in ipairs(live) do by_key[binding.key] = j end
    local is_known = old.inThisRequest ~= 'bound'
    old.inThisRequest = nil
    if is_known then change('removed', old) end
  end
end

if #live > max then
  if beyond == 'refuse' then return { 'too-many' } end
  table.sort(live, function(a, b)
    if a.refreshedAt ~= b.refreshedAt then return a.refreshedAt > b.refreshedAt end
    return a.key < b.key
  end)
  while #live > max do
    local dropped = table.remove(live)
    dropped.inThisRequest = nil
    change('removed', dropped)
  end
end

-- Nothing has been written until here, so that a refused request leaves no trace.
for i = 2, #changes, 2 do
  redis.call('ZREM', expiry, expiry_member(account, cjson.decode(changes[i]).key))
end
for _, binding in ipairs(live) do
  local what = binding.inThisRequest
  binding.inThisRequest = nil
  if what then
    redis.call('ZADD', expiry, binding.expiresAt, expiry_member(account, binding.key))
    change(what, binding)
  end
end
write_bindings(bindings, account, live)
return { 'bound', now, as_json(live), changes }
