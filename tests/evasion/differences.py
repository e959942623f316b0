# SPDX-License-Identifier: BSD-3-Clause
"""Where tshark 4.0 reads something else, and why: names of cases (fnmatch), and the reason.

tshark shows what was sent; a case says what the server takes. A pattern must only match cases
that do differ.
"""

DIFFERENCES = [
    ('tcp/overlap-covers-hit', 'its out-of-order reassembly loses a segment that covers one that '
     'waits, together with the gap in front of it'),
    ('tcp/beyond-window-* tcp/zero-window-data-*', 'it keeps what lies beyond the window that the '
     'server announced, and then takes that for the bytes that come later'),
    ('tcp/fast-open-refused-hit tcp/fast-open-refused-miss tcp/client-only-fast-open-refused-*',
     'it reads the data of a SYN whether or not the SYN-ACK acknowledges it'),
    ('tcp/closed-port tcp/data-behind-*-rst tcp/data-in-place-of-fin', 'it goes on reading behind '
     'a RST or FIN'),
    ('tcp/refused-checksum-* tcp/refused-ip-checksum-* tcp/only-checksum', 'it does not verify '
     'checksums unless told to, since captures of a sending host hold unfinished ones'),
    ('tcp/refused-no-ack-* tcp/refused-no-flags-* tcp/only-no-ack tcp/refused-ack-of-unsent-*',
     'it does not ask whether a segment is acceptable, only where its bytes belong'),
    ('tcp/refused-with-syn-*-hit tcp/stray-syn-hit tcp/stray-syn-in-window-hit', 'any SYN with '
     'another number begins a new connection for it'),
    ('tcp/paws-*', 'it does not apply RFC 7323 to what it reassembles'),
    ('ip/teardrop-* ip/inverse-* ip/wide-4 ip/wide-6 ip/odd-length-6 ip/overlap-then-again-*',
     'it notes an overlap and puts the packet together all the same'),
    ('tunnels/pseudowire-[46]-hit tunnels/pseudowire-word-*-hit tunnels/pseudowire-two-*-hit '
     'tunnels/pseudowire-vlan-[46]-hit tunnels/stack-4-hit', 'it has to be told which labels are '
     'pseudowires, and guesses wrong for addresses that begin with a zero'),
    ('tunnels/too-deep-*', 'its own limit lies deeper'),
    ('tunnels/two-*', 'its connections are kept apart by addresses and ports only'),
    ('tunnels/no-vxlan-flag tunnels/no-geneve-version tunnels/no-gre-version '
     'tunnels/no-pppoe-code tunnels/no-teredo-address', 'it shows what is inside of a header that '
     'it marks as wrong'),
    ('tunnels/no-icmp-*', 'it shows the quoted packet as if it were one'),
    ('http/absolute-plain http/absolute-no-path http/absolute-query http/absolute-port '
     'http/absolute-case http/absolute-https http/absolute-dot http/absolute-other* '
     'http/absolute-user* http/absolute-suffix http/absolute-no-host http/proxy-* '
     'http/connect-1080 http/connect-other http/connect-evil', 'http.host is the Host field, even '
     'where the target says another host'),
    ('http/absolute-uri', 'http.request.uri is the whole target, ours is its path'),
    ('http/port-1080', 'port 1080 is SOCKS to it'),
    ('http/host-nul* http/host-bare-cr', 'it shows values that a server refuses, up to the NUL or '
     'CR'),
    ('http/host-folded http/host-folded-tab http/host-folded-twice http/host-folded-evil '
     'http/header-folded http/header-folded-more', 'it does not join folded lines'),
    ('http/host-twice-*', 'it shows both Host fields, where a server refuses the request'),
    ('http/empty-lines-three http/empty-lines-lf http/empty-lines-mixed', 'it skips one empty '
     'line only, of CRLF'),
    ('http/version-[2a-z]* http/ssdp', 'it does not ask for a version that servers accept'),
    ('http/version-long', 'it does not ask for a version that servers accept'),
    ('http/method-odd', 'it only knows registered methods'),
    ('http/length-plus http/length-words http/chunked-bad-letters http/chunked-bad-blank '
     'http/behind-bad-request', 'it goes on where a server refuses the message and closes'),
    ('http/behind-close http/behind-1.0', 'it goes on reading where the server has closed'),
    ('http/tunnelled http/connect-*-accepted http/connect-created http/connect-answer-other '
     'http/connect-behind-* http/connect-client-only', 'it reads on behind CONNECT, and finds a '
     'request to another server'),
    ('http/upgrade-ahead*-accepted http/upgrade-answer-other http/upgrade-client-only', 'it asks '
     'whether an upgrade was accepted for what comes behind the answer only'),
    ('http/response-second-*', 'it takes requests of either side for requests'),
    ('others/tls-other-kind others/tls-from-server', 'it shows names without asking who says them '
     'and of which kind they are'),
    ('quic/dcid-[07] quic/reserved-bits quic/fixed-bit quic/small quic/behind-other '
     'quic/other-kind', 'it opens and shows what a server discards or refuses'),
    ('quic/behind-type-*', 'it makes keys for the first packet of a connection only, whatever '
     'that is'),
    ('others/dns-label-with-dot', 'it prints names without telling dots apart'),
]
