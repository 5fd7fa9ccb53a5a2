-- The ACD of one PBX, read as it is needed and written once at the end. Every script of this folder declares the same keys, in this order.
--
-- agents    hash: employee → facts (msgpack list, see `new_agent`). Whether he is available is computed from them, in `unavailable`.
-- members   hash: employee → what the configuration says of him (msgpack list, see `member_of`)
-- groups    hash: group → {algorithm, size}; group, 'members' → employees in order, which may be many
-- free      zset in lexical order: group, order of choice by its algorithm, employee. An index of who is available.
-- queue     zset in lexical order: group, place, call. Callers whom nobody is being offered.
-- ringing   the same: callers for whom members are being rung
-- callers   hash: call → msgpack list, see `enqueue`
-- timers    zset by due time: 'agent', 'caller' or 'place' and an id
-- nodes     zset: node → until when it counts as alive
-- owned     zset in lexical order: node, 'caller' and call | node, 'call', employee and call. What goes when a node goes.
-- places    hash: group, number → {until, place}. Places of callers who dropped.
-- familiar  hash: group, number → the employee who last talked to the caller today
-- counted   set: employees whose figures of the day are not zero
-- figures   hash: group, name → figure of the day
-- meta      hash: turn, midnight, dayStart, lastBeat
-- bindings  hash: account → JSON list of its registrations, which src/redis keeps
-- events    stream: what changes, for those who watch (`changes.lua`), which src/events keeps
local agents, members, groups, free, queue, ringing, callers, timers, nodes, owned
local places, familiar, counted, figures, meta, bindings, events
local now

-- Uniform in [0, 1): what the node drew, and then numbers that follow from it, so that a test can tell them beforehand.
local chance
local function next_chance()
  local drawn = chance
  chance = (chance * 7919 + 0.31) % 1
  return drawn
end

-- Milliseconds as text that sorts like the number.
local function sortable(ms) return string.format('%013d', ms) end
local function integer(n) return string.format('%d', n) end

local agent_cache, member_cache, caller_cache, group_cache
local day_start_cache
-- call → whom he had been offered to when the script read him; nil: he was not there.
local offered_before
-- Callers who are gone: {call, caller, why, employee who has him}.
local gone
-- Employees whose availability may have changed, in the order of the changes.
local touched
-- Employees of whom a fact has changed: id → true. Of those whom a script has only read nothing is written or told.
local changed

at_begin(function()
  agents, members, groups = KEYS[1], KEYS[2], KEYS[3]
  free, queue, ringing, callers = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
  timers, nodes, owned = KEYS[8], KEYS[9], KEYS[10]
  places, familiar, counted, figures = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
  meta, bindings, events = KEYS[15], KEYS[16], KEYS[17]
  now = time_now(ARGV[1])
  chance = tonumber(ARGV[2])
  agent_cache, member_cache, caller_cache, group_cache = {}, {}, {}, {}
  day_start_cache = nil
  offered_before, gone, touched, changed = {}, {}, {}, {}
end)

local function new_agent()
  return {
    reachableUntil = 0, -- by registration; a phone contact is always reachable
    status = 'online',
    base = 'online', -- online, break or offline: what a custom status is based on
    statusAt = 0,
    calls = {}, -- call → {node, since, talkSince, wrapUpMs, group}: whatever occupies him, ringing included
    reservation = false, -- or {call, token, expires, group}: he is being offered a call
    token = 0, -- of the last offer
    wrapUpUntil = 0,
    excludedUntil = 0,
    excludedFor = '',
    lastEnd = 0, -- of his last conversation
    talkToday = 0, -- ms
    answeredToday = 0, -- incoming calls
    told = false, -- how those who watch know him: `standing_of`
    freeAs = {}, -- his entries in `free`
    wakeAt = 0, -- his entry in `timers`
  }
end

-- Agents and callers are read and written with every call that ends: as lists, which are half as long as tables with names.
local function pack_agent(a)
  return cmsgpack.pack({
    a.reachableUntil, a.status, a.base, a.statusAt, a.calls, a.reservation, a.token, a.wrapUpUntil,
    a.excludedUntil, a.excludedFor, a.lastEnd, a.talkToday, a.answeredToday, a.told, a.freeAs, a.wakeAt,
  })
end

local function unpack_agent(packed)
  local a = cmsgpack.unpack(packed)
  return {
    reachableUntil = a[1], status = a[2], base = a[3], statusAt = a[4], calls = a[5], reservation = a[6], token = a[7], wrapUpUntil = a[8],
    excludedUntil = a[9], excludedFor = a[10], lastEnd = a[11], talkToday = a[12], answeredToday = a[13], told = a[14], freeAs = a[15], wakeAt = a[16],
  }
end

local function pack_caller(c)
  return cmsgpack.pack({
    c.node, c.group, c.number, c.place, c.enteredAt, c.endsAt, c.waits, c.ringMs, c.wrapUpMs,
    c.familiar, c.tried, c.refused, c.passedOver, c.offers, c.token, c.pickedUp, c.story,
  })
end

local function unpack_caller(packed)
  local c = cmsgpack.unpack(packed)
  return {
    node = c[1], group = c[2], number = c[3], place = c[4], enteredAt = c[5], endsAt = c[6], waits = c[7], ringMs = c[8], wrapUpMs = c[9],
    familiar = c[10], tried = c[11], refused = c[12], passedOver = c[13], offers = c[14], token = c[15], pickedUp = c[16], story = c[17],
  }
end

local function agent_of(id)
  local agent = agent_cache[id]
  if not agent then
    local packed = redis.call('HGET', agents, id)
    agent = packed and unpack_agent(packed) or new_agent()
    agent_cache[id] = agent
  end
  return agent
end

-- What the configuration says: nobody knows an employee who is not in it.
local function member_of(id)
  local member = member_cache[id]
  if not member then
    local packed = redis.call('HGET', members, id)
    local list = packed and cmsgpack.unpack(packed) or { 0, 1, {}, {} }
    member = { phone = list[1] == 1, respectsStatus = list[2] == 1, accounts = list[3], groups = list[4] }
    member_cache[id] = member
  end
  return member
end

local function group_of(id)
  local group = group_cache[id]
  if group == nil then
    local packed = redis.call('HGET', groups, id)
    group = packed and cmsgpack.unpack(packed) or false
    group_cache[id] = group
  end
  return group
end

local function members_in(id)
  local packed = redis.call('HGET', groups, id .. '\nmembers')
  return packed and cmsgpack.unpack(packed) or {}
end

local function offered_to(caller)
  if not next(caller.offers) then return '' end
  local ids = {}
  for id in pairs(caller.offers) do table.insert(ids, id) end
  table.sort(ids)
  return table.concat(ids, '\n')
end

-- A waiting caller; nil when there is none.
local function caller_of(call)
  local caller = caller_cache[call]
  if caller == nil then
    local packed = redis.call('HGET', callers, call)
    caller = packed and unpack_caller(packed) or false
    caller_cache[call] = caller
    if caller then offered_before[call] = offered_to(caller) end
  end
  return caller or nil
end

local function touch(id)
  agent_of(id)
  changed[id] = true
  table.insert(touched, id)
end

local function day_start()
  day_start_cache = day_start_cache or tonumber(redis.call('HGET', meta, 'dayStart') or 0)
  return day_start_cache
end

local function count(group, name, by) redis.call('HINCRBY', figures, group .. '\n' .. name, integer(by)) end

-- The entries of one group in `free`, `queue` or `ringing`, as bounds of ZRANGEBYLEX and ZLEXCOUNT.
local function from_of(group) return '[' .. group .. '\n' end
local function to_of(group) return '(' .. group .. '\11' end
local function third_part(entry) return string.match(entry, '^[^\n]*\n[^\n]*\n(.*)$') end
local function second_part(entry) return string.match(entry, '^[^\n]*\n([^\n]*)\n') end

local function tell(node, message) redis.call('PUBLISH', node, cjson.encode(message)) end
