-- A PBX's bindings are one hash: account → JSON list of {key, callId, cseq, boundAt, refreshedAt, expiresAt, data}. `data` is opaque text.
-- Beside it stands one sorted set of all bindings by expiry, so that counting and sweeping need not read the hash.
local function expiry_member(account, key) return account .. '\n' .. key end

local function read_bindings(bindings, account)
  local json = redis.call('HGET', bindings, account)
  return json and cjson.decode(json) or {}
end

local function write_bindings(bindings, account, list)
  if #list == 0 then
    redis.call('HDEL', bindings, account)
  else
    redis.call('HSET', bindings, account, cjson.encode(list))
  end
end

-- An account's list cut in two: what lives at `now`, and what has expired without having been swept.
local function split_live(list, now)
  local live, dead = {}, {}
  for _, binding in ipairs(list) do
    table.insert(binding.expiresAt > now and live or dead, binding)
  end
  return live, dead
end

-- RFC 3261 §10.3 step 7: a later request of the same Call-ID has been here before.
local function is_out_of_order(binding, call_id, cseq)
  return binding.callId == call_id and binding.cseq >= cseq
end

local function as_json(list)
  local texts = {}
  for i, binding in ipairs(list) do texts[i] = cjson.encode(binding) end
  return texts
end
