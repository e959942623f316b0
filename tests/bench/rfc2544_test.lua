-- SPDX-License-Identifier: BSD-3-Clause
-- Runs rfc2544.lua on a device that is made up, with no more of Pktgen than the script may use:
--
--     lua5.3 rfc2544_test.lua FOLDER
--
-- The device forwards 7 million frames a second in both directions together, of any size, or with a
-- loss of one frame in 1,000 at every rate.
local script = arg[1] .. "/rfc2544.lua"
local DEVICE, LINE = 7e6, 10e9

local function run(settings, loses)
	local state = { rate = 0, size = {}, ran = 0, lines = {}, order = {} }
	local clock = 0

	local function range(what)
		return function(port, key, value)
			assert(port == "0" or port == "1", what)
			assert(value ~= nil and ({ start = 1, inc = 1, min = 1, max = 1 })[key], what)
			if what == "pkt_size" and key == "start" then
				state.size[port] = value
			end
		end
	end
	local known = {
		range = {},
		screen = function() end,
		set_proto = function(port, proto) assert(proto == "udp") end,
		set_range = function(ports, on) assert(ports == "0,1" and on == "on") end,
		set = function(_, what, value)
			assert(what == "rate" or what == "count")
			if what == "rate" then
				assert(value > 0 and value <= 100)
				state.rate = value
			end
		end,
		clr = function() state.ran = 0 end,
		start = function() state.started = clock end,
		stop = function() state.ran = (clock - state.started) / 1000 end,
		delay = function(ms) clock = clock + ms end,
		portStats = function(port, kind)
			assert(kind == "port" and state.size["0"] == state.size["1"])
			local pps = LINE / 8 / (state.size[port] + 20) * state.rate / 100
			local through = math.min(pps, DEVICE / 2) * (loses and 0.999 or 1)
			return { [tonumber(port)] = { opackets = math.floor(pps * state.ran),
				ipackets = math.floor(through * state.ran) } }
		end,
		quit = function() state.has_quit = true end,
	}
	for _, what in ipairs({ "src_ip", "dst_ip", "src_port", "dst_port", "pkt_size" }) do
		known.range[what] = range(what)
	end

	local environment = setmetatable({
		pktgen = known,
		require = function(name) assert(name == "Pktgen") end,
		print = function(line) table.insert(state.lines, line) end,
		os = { getenv = function(name) return settings[name] end },
	}, { __index = _G })
	assert(loadfile(script, "t", environment))()
	assert(state.has_quit)

	local rates = {}
	for _, line in ipairs(state.lines) do
		local size, percent = line:match("^ *(%d+) +([%d.]+) ")
		if size then
			rates[tonumber(size)] = tonumber(percent)
		end
	end
	return rates
end

local function check(what, condition)
	if not condition then
		print("rfc2544.lua: " .. what)
		os.exit(1)
	end
end

local rates = run({})
local true_64 = 100 * DEVICE / 2 * 84 * 8 / LINE
check("64 bytes: " .. rates[64] .. " instead of " .. true_64,
	rates[64] <= true_64 and rates[64] > true_64 - 0.5)
check("128 bytes", rates[128] <= true_64 * 148 / 84 and rates[128] > true_64 * 148 / 84 - 0.5)
check("1518 bytes pass at line rate", rates[1518] == 100)
check("a size is missing", rates[256] and rates[512] and rates[1024] and rates[1280])
check("what always loses has no throughput", run({ PRECISION = "5" }, true)[64] == 0)
check("but it has one with a tolerance",
	run({ LOSS_TOLERANCE = "0.2" }, true)[1518] == 100)
check("a tolerance below the loss is none",
	run({ LOSS_TOLERANCE = "0.05", PRECISION = "5" }, true)[64] == 0)
