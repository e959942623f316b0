-- SPDX-License-Identifier: BSD-3-Clause
-- For Pktgen 23.06.1: the highest rate that a device between its ports 0 and 1 forwards, both ways
-- at once, by the bisection of RFC 2544 section 26.1.
--
--     pktgen ... -- -P -T -m "1.0,2.1" -f rfc2544.lua
--
-- LOSS_TOLERANCE is the percentage of frames that a trial may lose. At 0 the result is RFC 2544's
-- throughput (NDR); above, call it the partial drop rate (PDR) and state the figure. The result is
-- confirmed by a trial of its own, lowered by a step as long as that fails, and printed as one line
-- for each frame size: size, percent of line rate, frames a second out and back, frames lost.
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;../?.lua"
require "Pktgen"

local env = function(name, default)
	return tonumber(os.getenv(name) or default)
end
local PORTS = "0,1"
local LOSS_TOLERANCE = env("LOSS_TOLERANCE", 0) -- percent of the frames sent
local TRIAL_S = env("TRIAL_SECONDS", 10)
local CONFIRM_S = env("CONFIRM_SECONDS", 60) -- RFC 2544 section 24 asks for 60 s
local PRECISION = env("PRECISION", 0.5) -- percent of line rate
local FLOWS = env("FLOWS", 1024) -- at most 65534, the addresses of a /16
local SETTLE_MS = 2000 -- RFC 2544 section 23: until the last frames are back
local SIZES = { 64, 128, 256, 512, 1024, 1280, 1518 } -- RFC 2544 section 9.1, with the FCS

local function dotted(first, number)
	return string.format("%s.%d.%d", first, number // 256, number % 256)
end

-- The same value in every packet where `inc` is 0.
local function set_range(port, what, min, max, inc)
	local set = pktgen.range[what]

	set(port, "start", min)
	set(port, "inc", inc)
	set(port, "min", min)
	set(port, "max", max)
end

-- Port 0 sends from 10.0/16 to 172.16/16, port 1 the other way round, so that both speak of the
-- same flows.
local function set_flows(port, own, other)
	local last = math.min(FLOWS, 65534)

	set_range(port, "src_ip", dotted(own, 1), dotted(own, last), "0.0.0.1")
	set_range(port, "dst_ip", dotted(other, 1), dotted(other, last), "0.0.0.1")
	set_range(port, "src_port", 2000, 2000, 0)
	set_range(port, "dst_port", 2000, 2000, 0)
	pktgen.set_proto(port, "udp")
	pktgen.set(port, "count", 0) -- until it is stopped
end

local function set_size(size)
	set_range("0", "pkt_size", size, size, 0)
	set_range("1", "pkt_size", size, size, 0)
	pktgen.set_range(PORTS, "on")
end

local function counts()
	local sent, back = 0, 0

	for port = 0, 1 do
		local stats = pktgen.portStats(tostring(port), "port")[port]

		sent = sent + stats.opackets
		back = back + stats.ipackets
	end
	return sent, back
end

-- Whether the device loses no more than it may at `rate` percent; and frames sent, lost.
local function trial(rate, seconds)
	pktgen.clr()
	pktgen.set(PORTS, "rate", rate)
	pktgen.start(PORTS)
	pktgen.delay(seconds * 1000)
	pktgen.stop(PORTS)
	pktgen.delay(SETTLE_MS)
	local sent, back = counts()
	local lost = sent - back
	return sent > 0 and lost * 100 <= LOSS_TOLERANCE * sent, sent, lost
end

local function search()
	local low, high = 0, 100

	if trial(high, TRIAL_S) then
		return high
	end
	while high - low > PRECISION do
		local rate = (low + high) / 2

		if trial(rate, TRIAL_S) then
			low = rate
		else
			high = rate
		end
	end
	return low
end

local function measure(size)
	set_size(size)
	local rate = search()

	while rate > 0 do
		local good, sent, lost = trial(rate, CONFIRM_S)

		if good then
			return rate, sent / CONFIRM_S, (sent - lost) / CONFIRM_S, lost
		end
		rate = math.max(rate - PRECISION, 0)
	end
	return 0, 0, 0, 0
end

pktgen.screen("off")
set_flows("0", "10.0", "172.16")
set_flows("1", "172.16", "10.0")
set_size(SIZES[1])
trial(1, 1) -- the device learns the flows
print(string.format("loss tolerance %g %%, trials %g s, confirmed for %g s, %d flows",
	LOSS_TOLERANCE, TRIAL_S, CONFIRM_S, FLOWS))
print("size  % of line  frames/s out  frames/s back  lost")
for _, size in ipairs(SIZES) do
	print(string.format("%4d  %9.2f  %12.0f  %13.0f  %4d", size, measure(size)))
end
pktgen.quit()
