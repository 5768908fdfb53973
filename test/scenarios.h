/* See LICENSE file for copyright and license details.
 *
 * The regression set of the simulator. Links, with rates in Mbit/s and times
 * in ms, each way: rate delay jitter queue loss (percent) burst (packets)
 * spike=PERIOD:LENGTH:EXTRA conf (the rate in config.h, if not the true one)
 * prio mtu, with up. or down. before them for one direction. Traffic, down
 * unless it is said to go up: cubic bbr web game ping udp quic; n flows, from
 * at= to end= (s), web and echoes every so many ms, w1=FROM-TO to w3 for a
 * mean of its own, of udp a p50; udp bytes=BYTES every=MS: of its rate, so
 * much goes at once each so many ms. quic is Cubic with Chromium's HyStart; or
 * reno, or hystartpp; acks=N, packets that it acknowledges together. With
 * bytes= it fetches so many every so many ms after the last ones, each time by
 * a new connection, or open: by one that is kept. Before the links, key: both
 * ends have one; parity=0, 1 or 2, compress=KBIT: in place of what config.h
 * has; text: what hosts send can be compressed; oracle: they are told what
 * each link will carry; raw: no tunnel, the hosts' packets go by link 0.
 *
 * Links that move, each in its own way and by the seed. In place of rate:
 * walk=LO:HI:MS, each MS ms up to half or twice as much; jump=LO:HI:MS;
 * trace=FILE, each line a ms at which 1500 bytes may leave. Beside it:
 * outage=EVERY:LENGTH, in the mean; shift=PERIOD:MAX, another delay each
 * period; delays=FILE, lines of a ms and the delay added from then on. In
 * place of queue: pkts, or police, the ms of rate that pass at once while all
 * else is dropped. Their rate in config.h is 0, unless conf is given.
 *
 * Changes: TIME: LINKS KEY=VALUE, the links a number, a range or all, or an
 * end and restart or crash and the time until it starts again, or pause and
 * for how long (s), or tun=ERROR. Faults of links: silent gone mtu loss; nat,
 * another port of the client is seen by the server; host, another address;
 * addr, the client's own has changed, its sockets do not know; dup, percent;
 * swap, percent that come up to swapby ms later; corrupt, percent in which a
 * bit is turned or that are cut off; error=ERROR of sending, errors percent;
 * segloss, percent of segmented messages, which the kernel has with it.
 *
 * TCP and QUIC show the mean of their last 10 s and of their first 15 s,
 * Mbit/s; fetches the ms from the start of a connection to the last byte, and
 * from the request. sim -v -P 1000 shows windows each second. The checks have
 * wide margins: what the design asks for stands beside them. Those with ? are
 * goals, which are told when they are missed.
 */

/* the five links of the design */
{ "ping", 8, LAB, "ping every=100", NULL,
	"ping.p50<22 ping.lost<1", "20.6 + 0.3 ms" },
{ "light", 12, LAB, "udp rate=1 size=528", NULL,
	"udp.lost<0.1 udp.p99<100 link.down1<1",
	"heartbeats only on wg1-4" },
{ "cubic", 27, LAB, "cubic", NULL,
	"cubic.steady>200 cubic.cold>150", "257 / 235" },
{ "cubicup", 27, LAB, "cubic up", NULL,
	"cubic.steady>200 cubic.cold>150", "257 / 235" },
{ "bbr", 27, LAB, "bbr", NULL,
	"bbr.steady>150 bbr.cold>180", "255 / 225" },
{ "bbrup", 27, LAB, "bbr up", NULL,
	"bbr.steady>150 bbr.cold>180", "255 / 225" },
{ "game", 25, LAB, "cubic; game at=5", NULL,
	"cubic.steady>180 game.p50<30 game.p99<60 game.lost<20",
	"game 21.5 / 24 ms, 0 lost, download 245" },
{ "gameup", 25, LAB, "cubic up; game at=5", NULL,
	"cubic.steady>180 game.p50<30 game.p99<60 game.lost<20",
	"game 21.5 / 24 ms, 0 lost, upload 245" },
{ "gamebbr", 25, LAB, "bbr; game at=5", NULL,
	"bbr.steady>100 game.p50<30 game.p99<60 game.lost<20",
	"game 21.5 / 24 ms, 0 lost" },
{ "web", 15, LAB, "web", NULL, "web.p50<200 web.n>15", "p50 100 ms" },
{ "webload", 20, LAB, "cubic; web at=6", NULL,
	"web.p50<170 web.n>10", NULL },

/* QUIC: the model against quic-go, then over the five links: w1 and w2 are the
 * first 12 s and those after */
{ "quicplain", 27, "raw; rate=290 delay=20", "quic acks=2 w1=2-14 w2=14-27",
	NULL, "quic.w1>240 quic.w2>250 quic.w2<275", "quic-go 255 / 267" },
{ "quicone", 27, "raw; rate=70 delay=40", "quic acks=2 w1=2-14 w2=14-27",
	NULL, "quic.w1>55 quic.w2>60 quic.w2<67", "quic-go 63 / 64" },
{ "quicpp", 27, LAB, "quic hystartpp w1=2-14 w2=14-27", NULL,
	"quic.w1>200 quic.w2>220", "150 / 220" },

/* tun and link: errors, MTUs, full sockets, lost devices, new addresses */
{ "tunerror", 10, LAB, "udp rate=40; game",
	"4: client tun=EIO; 4.5: client tun=none; 6: server tun=EIO;"
	"7: server tun=none", "end.heal<250 game.run<80", NULL },
{ "mtu", 10, "rate=20 delay=10 mtu=1280; rate=20 delay=20", "cubic; web",
	"6: 1 mtu=1200", "cubic.steady>8 cubic.stall<1", NULL },
{ "mtulower", 12, LAB, "udp rate=20 size=1000; game",
	"4: 1-4 mtu=1300; 6: 0 mtu=1280; 8: all mtu=1200",
	"end.heal<250 game.run<5 udp.lost<1", NULL },
{ "mtuhigher", 75, LAB, "udp rate=20 size=1300; game",
	"4: 1-4 mtu=1300; 6: all mtu=1420",
	"game.run<5 udp.lost<55", "seen within a minute" },
{ "refused", 16, LAB, "udp rate=40; game",
	"4: 0 up.error=EPERM; 5: 0 error=none; 6: 0 down.error=ENETUNREACH;"
	"7: 0 error=none; 8: 1-4 error=ENETUNREACH; 9: 1-4 error=none;"
	"10: all up.error=EPERM; 11: all error=none;"
	"12: all error=ENETUNREACH errors=30; 14: all error=none",
	"end.heal<500 game.run<100", NULL },
{ "full", 12, LAB, "udp rate=40; game",
	"4: 0 up.error=EAGAIN errors=30; 5: 0 error=none;"
	"6: 1-4 down.error=ENOBUFS errors=30; 7: 1-4 error=none;"
	"8: all error=ENOBUFS errors=10; 9: all error=none",
	"end.heal<500 game.run<50", NULL },
{ "fullrunaway", 14, "rate=2 delay=38 prio=1 jitter=16 loss=1.38 burst=3",
	"web every=50 n=2 bytes=20000 at=1; ping",
	"4.3: 0 up.error=EAGAIN errors=100; 5: 0 error=none", NULL, NULL },
{ "gone", 14, LAB, "udp rate=40; game",
	"4: 0 gone=1; 6: 0 gone=0; 8: all gone=1; 10: all gone=0",
	"end.heal<1500 game.run<250", "new sockets each second" },
{ "goneslow", 14, "rate=0.5 up.rate=0.5 conf=0.5 up.conf=0.5 delay=51"
	" queue=100 prio=2",
	"udp rate=3 at=2; udp rate=30 up at=2; cubic n=4 at=4; game",
	"4.1: 0 error=ENODEV errors=100; 5.8: 0 error=none;"
	"2.5: 0 silent=1; 3.8: 0 silent=0", NULL, NULL },
{ "address", 16, "key; " LAB, "udp rate=40; game",
	"4: 0 addr=1; 9: all addr=2",
	"end.heal<4500 game.run<290", "new sockets after 3 s" },

/* flow and ack: many flows, both ways, slow ways for ACKs */
{ "flows2", 17, LAB, "cubic n=2", NULL, "cubic.steady>180", NULL },
{ "flows4", 17, LAB, "cubic n=4", NULL, "cubic.steady>180", NULL },
{ "flows16", 17, LAB, "cubic n=16", NULL, "cubic.steady>180", NULL },
{ "flows64", 17, LAB, "cubic n=64", NULL, "cubic.steady>180", NULL },
{ "bulkudp", 17, LAB, "udp rate=400; ping every=20; cubic at=4", NULL,
	"ping.p50<40 ping.p99<100 cubic.steady>1",
	"ping undisturbed, cubic 130" },
{ "ecn", 20, "rate=50 delay=30", "cubic ecn; game at=4", NULL,
	"cubic.steady>35 game.p50<100", NULL },
{ "saturated", 20, LAB, "cubic n=4; cubic up n=4; game at=4", NULL,
	"cubic.steady>150 cubic2.steady>150 game.p50<40 game.p99<100", NULL },
{ "oneboth", 20, "rate=20 delay=20", "cubic; cubic up; game at=4", NULL,
	"cubic.steady>5 cubic2.steady>5 game.p50<80", NULL },
{ "adsl", 20, "up.rate=1 down.rate=20 delay=10", "cubic; game at=4", NULL,
	"cubic.steady>14 game.p50<60", NULL },
{ "asymmetric", 20,
	"up.rate=1 down.rate=20 delay=10 prio=1; x4 up.rate=10 down.rate=70 "
	"delay=40", "cubic; game at=4", NULL,
	"cubic.steady>150 game.p50<60", "cubic 267" },

/* select: links of all kinds and numbers; at last random ones whose express
 * packets were blamed for what was learned late */
{ "one", 20, "rate=70 delay=40", "cubic; game at=4", NULL,
	"cubic.steady>50 game.p50<110", NULL },
{ "two", 20, "x2 rate=50 delay=25", "cubic; game at=4", NULL,
	"cubic.steady>75 game.p50<80", NULL },
{ "four", 20, "x4 rate=70 delay=40", "cubic; game at=4", NULL,
	"cubic.steady>180 game.p50<120", NULL },
{ "unequal", 20, "rate=100 delay=5; rate=10 delay=100", "cubic", NULL,
	"cubic.steady>70", "no less than 90 of the better link" },
{ "half", 20, "rate=0.5 delay=10 prio=1; x2 rate=50 delay=30",
	"cubic; game at=4; web at=4", NULL,
	"cubic.steady>60 game.p50<120 web.p50<2000", NULL },
{ "slowpair", 12, "rate=2 delay=20 prio=1 queue=100;"
	"rate=1.8 delay=20 prio=1 queue=100", "cubic", NULL,
	"cubic.steady>2.8", "both of two slow links are used" },
{ "text", 12, "text; compress=3000; up.rate=1 down.rate=2 delay=10",
	"cubic; game at=4", NULL, "cubic.steady>2.4 game.p50<40",
	"2.8, without compress 1.6" },
{ "textloss", 15, "text; compress=100000; " FAR " loss=2", "cubic; " CALL, NULL,
	"cubic.steady>150 udp.lost<0.5 udp.p50<50 udp.p99<90",
	"a call keeps its parity" },
{ "notext", 12, "compress=3000; up.rate=1 down.rate=2 delay=10",
	"cubic; game at=4", NULL, "cubic.steady>1.4 game.p50<40",
	"as without compress" },
{ "rtt600", 20, ADSL "; x3 rate=70 delay=40; rate=70 delay=300",
	"cubic; game at=4", NULL,
	"cubic.steady>100 game.p50<60", NULL },
{ "jitter", 20, "rate=50 delay=20 jitter=30; rate=50 delay=30 jitter=30",
	"cubic; game at=4", NULL,
	"cubic.steady>5 game.p99<200", NULL },
{ "express", 15, "rate=5 up.rate=1.67 delay=53; rate=0.5 conf=0.35 delay=26",
	"cubic; cubic up; game n=5 at=3", NULL, NULL,
	"express packets do not wait while others go" },
{ "slowexpress", 14, "rate=0.5 up.rate=0.5 conf=0.65 up.conf=0.65 delay=40"
	" queue=100 prio=1 jitter=24 spike=8489:140:83; rate=70 up.rate=70"
	" conf=49 up.conf=49 delay=239 queue=100 prio=1",
	"cubic at=3; web every=50 n=2 bytes=20000 at=2; cubic at=4; game n=5",
	"9.8: 0 down.error=EHOSTUNREACH errors=100; 12.9: 0 error=none;"
	"12.2: client restart 0.6; 5.8: server crash 0.3;"
	"5.8: client crash 0.4", NULL, NULL },
{ "ratefalls", 13, "rate=0.5 up.rate=0.5 conf=0.65 up.conf=0.65 delay=24"
	" queue=100 prio=2 spike=14944:140:95; rate=20 up.rate=20 conf=14"
	" up.conf=14 delay=318 queue=100 prio=2 jitter=22 spike=3400:140:21",
	"udp rate=3 at=1; cubic at=3; game n=5",
	"12.8: client crash 0.1; 3.3: 1 rate=17.5; 8.9: 1 rate=66.5;"
	"2.2: 0 delay=94", NULL, NULL },
{ "bestchanges", 19, "rate=10 up.rate=10 conf=0 up.conf=0 delay=54"
	" queue=100 prio=2 jitter=21 loss=1.33 burst=5; rate=0.5 up.rate=0.5 conf=0.65"
	" up.conf=0.65 delay=29 queue=100 prio=2",
	"udp rate=30 up at=1; web bytes=400000 at=3; cubic ecn at=4; game n=5",
	"5.2: server tun=EIO; 5.675: server tun=none;"
	"7.8: client pause 0.08; 8.3: 1 dup=27; 12.4: 1 dup=0",
	NULL, NULL },

/* need: what the quick link can carry stays there, and comes back; those that
 * are too many go. One way a packet of 1280 bytes takes 11.3 ms by wg0, and
 * 40.4 by the others, where there is to be nothing (link.rest). link.full and
 * least: percent of wg0 while others carry something */
{ "need05", 12, LAB, STREAM(0.5), NULL, NEAR, "11.3 / 12.7" },
{ "need1", 12, LAB, STREAM(1), NULL, NEAR, "11.3 / 12.7" },
{ "need2", 12, LAB, STREAM(2), NULL, NEAR, "11.3 / 13" },
{ "need3", 12, LAB, STREAM(3), NULL, NEAR, "11.3 / 13" },
{ "need4", 12, LAB, STREAM(4), NULL, NEAR, "11.3 / 13" },
{ "need6", 12, LAB, STREAM(6), NULL, NEAR, "11.3 / 13" },
{ "need8", 12, LAB, STREAM(8), NULL, NEAR, "11.3 / 13" },
{ "need6unknown", 20, LAB0, STREAM(6), NULL,
	"udp.p50<12.3 udp.p99<40 udp2.p50<12.3 udp2.p99<40 link.rest<0.02",
	"11.3 / 24" },
{ "need3flows", 15, LAB, "udp n=3 rate=2.5 port=5000", NULL,
	"udp.p50<12.3 udp.p99<20 link.rest<0.02", "12 / 14" },
{ "need16flows", 15, LAB, "udp n=16 rate=0.5 port=5000", NULL,
	"udp.p50<13.3 udp.p99<30 link.rest<0.02", "13 / 20" },
{ "needcall", 30, LAB, "cubic; " CALL " at=5", NULL,
	"udp.p50<13 udp.p99<25 udp.quick>95 udp.moves<2 cubic.steady>240",
	"11.8 / 13.5, cubic 256" },
{ "needcallfirst", 30, LAB, CALL "; cubic at=5", NULL,
	"udp.p50<13 udp.p99<25 udp.quick>95 udp.moves<2 cubic.steady>240",
	"11.8 / 13.5, cubic 256" },
{ "needcallboth", 30, LAB, "cubic; cubic up; " CALL " at=5; " CALL " up at=5;"
	"game at=5", NULL,
	"udp.p50<13.5 udp.p99<30 udp2.p50<13.5 udp2.p99<30 udp.quick>95 "
	"udp2.quick>95 cubic.steady>235 game.p50<27 game.p99<40",
	"12.2 / 14.1, game 24.4, both cubics 252" },
{ "needcallunknown", 40, LAB0, "cubic; " CALL " at=15", NULL,
	"udp.p50<14 udp.p99<40 udp.quick>95 cubic.steady>200", NULL },
{ "needfalls", 90, LAB, FALLS,
	"10: 0 rate=3; 20: 0 rate=10",
	"udp.w1<12.3 udp.w2<45 udp.w3<12.3 udp.moves<8 udp.lost<0.5 "
	"udp2.w3<12.3 udp2.moves<8",
	"back within 60 s" },
{ "needfallsunknown", 90, LAB0, FALLS,
	"10: 0 rate=3; 20: 0 rate=10",
	"udp.w1<12.3 udp.w2<45 udp.w3<12.3 udp.moves<8 udp.lost<0.5 "
	"udp2.w3<12.3 udp2.moves<8",
	"back within 60 s" },
{ "pagesback", 45, LAB, "web at=2 every=100000 n=4 bytes=32000000; "
	"web at=20 every=450 n=1 bytes=60000", "2.5: 0 rate=2; 9: 0 rate=10",
	"web2.p50<130", "107 ms, as on links that stood still" },
{ "policedbursts", 20,
	"rate=6 delay=10 police=10 conf=0; rate=70 delay=40 conf=0",
	"udp n=3 rate=2.02 bytes=25000 every=100", NULL,
	"udp.p99<75 udp.lost<0.1", "64 ms: loss tells, though bursts are short" },
{ "needkeyframes", 30, LAB, CALL " bytes=100000 every=2000; " CALL
	" up bytes=100000 every=2000", NULL,
	"udp.p50<12.3 udp.p99<85 udp.quick>90 udp.moves<1 udp2.p50<12.3 "
	"udp2.p99<85 udp2.quick>90 udp2.moves<1 udp.lost<0.1",
	"a keyframe's last packets overflow" },
{ "needvideo", 40, LAB, "web every=2000 bytes=1000000; " CALL, NULL,
	"udp.p50<12.3 udp.p99<25 udp.quick>95 udp.moves<1 web.p50<450",
	"call 11.3, video 366" },
{ "needweb4", 20, LAB, "web; udp n=4 rate=1 port=5000 at=1", NULL,
	"udp.p50<13 udp.p99<30 udp.quick>95 web.p50<200", "web 140" },
{ "needweb8", 20, LAB, "web; udp n=8 rate=1 port=5000 at=1", NULL,
	"udp.p50<14 udp.p99<45 udp.quick>90 web.p50<250", "web 180" },
{ "needpage4", 30, LAB, "web every=1000 bytes=1000000; "
	"udp n=4 rate=1 port=5000 at=1", NULL,
	"udp.p50<13 udp.p99<30 udp.quick>95 web.p50<450", "web 400" },
{ "needpage8", 30, LAB, "web every=1000 bytes=1000000; "
	"udp n=8 rate=1 port=5000 at=1", NULL,
	"udp.p50<14 udp.p99<45 udp.quick>90 web.p50<450", "web 400" },
{ "many1", 30, LAB, "udp rate=10 port=5000", NULL,
	"udp.lost<0.1 ?link.least>80", NULL },
{ "many4", 30, LAB, "udp rate=3.5 port=5000; udp rate=3 port=5000;"
	"udp rate=2.5 port=5000; udp rate=2 port=5000", NULL,
	"udp4.p50<14 link.full>80 ?link.least>80 udp.moves<5 udp2.moves<5 "
	"udp3.moves<5 udp4.moves<5", "one goes" },
{ "many4uneven", 30, LAB, "udp rate=5 port=5000; udp rate=3 port=5000;"
	"udp rate=2 port=5000; udp rate=1 port=5000", NULL,
	"udp3.p50<14 ?link.full>80 ?link.least>80 udp.moves<5 udp2.moves<5 "
	"udp3.moves<5 udp4.moves<5", "that of 3 goes" },
{ "many16", 30, LAB, "udp rate=3 port=5000; udp rate=2 port=5000;"
	"udp n=2 rate=1 port=5000; udp n=4 rate=0.5 port=5000;"
	"udp n=8 rate=0.2 port=5000", NULL,
	"udp4.p50<14 udp5.p50<14 link.full>80 ?link.least>80 udp.moves<5 "
	"udp2.moves<5 udp3.moves<5 udp4.moves<2", "few go" },
{ "many64", 30, LAB, "udp n=8 rate=0.3 port=5000; udp n=24 rate=0.2 port=5000;"
	"udp n=32 rate=0.15 port=5000", NULL,
	"udp3.p50<18 link.full>80 ?link.least>80 udp.moves<5 udp2.moves<5 "
	"udp3.moves<5", "those of 0.3 go" },

/* priority: a spare link carries what others cannot, a backup link nothing */
{ "sparelight", 15, "rate=20 delay=15 prio=1; rate=50 delay=15 prio=60",
	STREAM(4) "; game", NULL, "link.rest<0.001 udp.p50<17", NULL },
{ "sparefour", 15, "x3 rate=70 delay=40; rate=70 delay=40 prio=60",
	"udp rate=100 port=5000; web", NULL, "link.data3<0.001", NULL },
{ "spareneeded", 25, "rate=20 delay=15 prio=1; rate=50 delay=15 prio=60",
	"cubic; game at=5", NULL,
	"cubic.steady>55 cubic.cold>45 game.p50<36 game.p99<60", "62" },
{ "sparefive", 25, ADSL "; x3 rate=70 delay=40; rate=70 delay=40 prio=60",
	"cubic; game at=5", NULL,
	"cubic.steady>230 cubic.cold>150 game.p50<27 game.p99<60", "257" },
{ "backuplight", 20, "rate=20 delay=15 prio=1; rate=50 delay=15 prio=61",
	"cubic; cubic up; game at=5", NULL,
	"link.data1<0.001 cubic.steady>15 game.p50<40", NULL },
{ "backupfive", 25, ADSL "; x3 rate=70 delay=40; rate=70 delay=40 prio=61",
	"cubic; game at=5", NULL,
	"link.data4<0.001 cubic.steady>180 game.p50<27 game.p99<60", NULL },

/* spare links, and backups: what they carry beside others, when those fail,
 * stall for a moment or come and go; a heartbeat of 190 bytes a second is
 * 0.0015 Mbit/s each way, 33 MB a day, as many as other links have 0.015 */
{ "backup", 25, ADSL "; rate=70 delay=40 prio=61", "cubic; cubic up; game",
	NULL, "cubic.steady>7 cubic2.steady>7 link.down1<0.004 link.up1<0.004",
	"nothing, however full the other is" },
{ "backupidle", 200, ADSL "; rate=70 delay=40 prio=61", "ping every=1000",
	NULL, "link.down1<0.0018 link.up1<0.0018 ping.lost<1", NULL },
{ "backupfails", 16, ADSL "; x2 rate=70 delay=40 prio=61",
	"cubic; ping every=20", "6: 0 silent=1; 10: 0 silent=0",
	"end.heal<350 ping.run<3 cubic.stall<0.6 link.down1>1", "220 ms" },
{ "backupfailsidle", 24, ADSL "; rate=70 delay=40 prio=61",
	"ping every=20 at=10", "8: 0 silent=1; 20: 0 silent=0",
	"end.heal<2500 ping.p50>80 ping.run<3",
	"slow heartbeats do not matter" },
{ "backupoften", 60, ADSL "; rate=70 delay=40 prio=61", "ping every=20; game",
	"8: 0 silent=1; 8.5: 0 silent=0; 13: 0 silent=1; 13.5: 0 silent=0;"
	"20: 0 silent=1; 20.1: 0 silent=0; 24: 0 up.silent=1; 25: 0 silent=0;"
	"30: 0 down.silent=1; 31: 0 silent=0; 40: 0 silent=1; 44: 0 silent=0;"
	"44.3: 0 silent=1; 44.6: 0 silent=0; 45: 0 silent=1; 45.3: 0 silent=0",
	"end.heal<500 ping.run<10 game.run<10", "350 ms" },
{ "backupstalls", 30, ADSL " spike=3000:140:300; rate=70 delay=40 prio=61",
	"cubic; game", NULL,
	"game.p99<250 game.lost<1 link.down1>0.05 cubic.steady>6",
	"it is used for a moment" },
{ "backuploss", 200, ADSL " loss=2; rate=70 delay=40 prio=61 loss=10",
	"ping every=50", NULL, "link.down1<0.004 link.up1<0.004", NULL },
{ "backups", 20, "x2 rate=20 delay=20 prio=61", "cubic; game", NULL,
	"cubic.steady>20 game.p50<60", "nothing else: as if they were none" },
{ "spare", 20, ADSL "; rate=70 delay=40 prio=60", "udp rate=4", NULL,
	"link.down1<0.005 udp.p99<15 udp.lost<0.01", "nothing at 4 Mbit/s" },
{ "sparefull", 25, ADSL "; rate=70 delay=40 prio=60", "cubic; game", NULL,
	"cubic.steady>50 game.p50<30", "what the other cannot carry" },
{ "spareidle", 200, ADSL "; rate=70 delay=40 prio=60", "ping every=1000",
	NULL, "link.down1<0.0018 link.up1<0.0018 ping.lost<1", NULL },
{ "sparefails", 16, ADSL "; rate=70 delay=40 prio=60",
	"ping every=20; udp rate=2", "6: 0 silent=1; 10: 0 silent=0",
	"end.heal<400 ping.run<3 udp.lost<5", "320 ms" },

/* repair: links that lose, swap, double and damage packets */
{ "loss", 17, ADSL "; x4 rate=70 delay=40 loss=2", "cubic", NULL,
	"cubic.steady>1", "200 Mbit/s" },
{ "lossudp", 12, ADSL "; x4 rate=70 delay=40 loss=2", "udp rate=40", NULL,
	"udp.lost<3", "0.1 % lost" },
{ "idlegap", 15, ADSL " loss=2; rate=70 delay=40",
	"udp rate=4 port=5000 size=1000", NULL,
	"udp.lost<3 udp.p99<250", "p99 of a repair, 50 ms" },
{ "swapped", 9, LAB, "udp rate=60; cubic; game",
	"4: all swap=20 swapby=60; 7: all swap=0", "game.lost<5 game.run<5",
	"late ones are repaired" },
{ "duplicated", 8, LAB, "cubic; game", "4: all dup=30; 6: all dup=0",
	"cubic.steady>50 game.lost<5", "nothing comes twice" },
{ "damaged", 9, "key; " LAB, "udp rate=40; game",
	"4: all corrupt=10; 7: all corrupt=0",
	"game.lost<20 udp.lost<2", "the tag tells" },
{ "faulty", 12, LAB, "cubic; game; udp rate=10",
	"3: all corrupt=5; 7: all corrupt=0", "game.run<10 udp.lost<70",
	"damage without a key" },

/* order per flow: nobody waits for a packet of another flow, and what a repair
 * sets free is no more than a socket of 208 kB takes, 92 packets */
{ "lossfast", 12, ADSL "; " FAR " loss=2", "udp rate=40 port=5000", NULL,
	"udp.lost<0.2 udp.burst<92 ?udp.p99<65",
	"0.1 % lost, p99 20 ms above p50" },
{ "lossflows16", 17, FAR " loss=2", "cubic n=16", NULL,
	"cubic.steady>150 ?cubic.steady>220 cubic.fair>0.5", NULL },
{ "lossweb", 20, FAR " loss=5", "web", NULL,
	"web.p50<550 ?web.p50<350", NULL },
{ "losswebload", 20, FAR " loss=2", "cubic; web at=6", NULL,
	"web.p50<700 ?web.p50<350", "as without a download" },

/* parity: calls over links that lose, and when there is to be none */
{ "call2", 30, FAR " loss=2", CALL, NULL,
	"udp.lost<0.2 ?udp.lost<0.01 udp.p50<45 ?udp.p99<70 ?parity.sent>100",
	"RLC 1 in 4: p99 47 ms" },
{ "call5", 30, FAR " loss=5", CALL, NULL,
	"udp.lost<1 ?udp.lost<0.01 ?udp.p50<45 ?udp.p99<110 ?parity.sent>100",
	"RLC 1 in 2: p99 43 ms" },
{ "callbursts", 30, FAR " loss=2 burst=4", CALL, NULL,
	"udp.lost<0.2 ?udp.lost<0.01 udp.p50<45 ?udp.p99<110 ?parity.sent>100",
	NULL },
{ "callload", 30, FAR " loss=2", "cubic; " CALL, NULL,
	"udp.lost<0.5 ?udp.lost<0.05 ?udp.p50<50 ?udp.p99<90 cubic.steady>100",
	"the download as without a call" },
{ "callfive", 30, ADSL " loss=2; " FAR " loss=2", CALL, NULL,
	"udp.lost<0.2 ?udp.lost<0.1 ?udp.p50<13 ?udp.p99<35",
	"0.1 % lost, p50 23 / 2, p99 45 - 10 ms" },
{ "callslow", 30, FAR " loss=2", "udp rate=0.5 size=1228 port=5000", NULL,
	"udp.lost<0.5 ?udp.lost<0.001 udp.p50<45 ?udp.p99<70", "a copy of each" },
{ "callclean", 30, FAR, CALL, NULL,
	"udp.lost<0.001 udp.p99<45 parity.sent<1", NULL },
{ "callfew", 60, FAR " loss=0.2", CALL, NULL,
	"udp.lost<0.05 udp.p50<45 parity.sent<1", NULL },
{ "callone", 20, "rate=70 delay=40 loss=2", CALL, NULL,
	"udp.lost<0.5 udp.p99<100", "a parity by the same link" },
{ "calluplink", 20, "up.rate=1 down.rate=20 delay=10 loss=2;"
	"up.rate=0.3 down.rate=20 delay=40 loss=2",
	"udp up rate=0.8 size=1000 port=5000", NULL,
	"udp.lost<3 parity.sent<1", "no room for it" },
{ "callqueue", 20, "x2 rate=20 delay=40", "cubic n=3; " CALL, NULL,
	"cubic.steady>20 parity.sent<1", "queues do not count as loss" },
{ "copies", 20, "parity=2; " FAR " loss=5", CALL, NULL,
	"udp.lost<1 ?udp.lost<0.02 ?udp.p50<42 ?udp.p99<60", NULL },
{ "copiesload", 20, "parity=2; x2 rate=20 delay=40 loss=2", "cubic; game",
	NULL, "cubic.steady>5 game.lost<5 game.p99<200", NULL },
{ "noparity", 20, "parity=0; " FAR " loss=5", CALL, NULL,
	"udp.lost<1 parity.sent<1", NULL },

/* reorder: delays that jump */
{ "handover", 33, ADSL "; x4 rate=70 delay=40 spike=15000:140:60",
	"cubic; game at=4",
	"14.9: 1-4 loss=50 burst=10; 15.1: 1-4 loss=0;"
	"29.9: 1-4 loss=50 burst=10; 30.1: 1-4 loss=0",
	"cubic.steady>20 game.p50<40 game.lost<60", NULL },
{ "spikes", 33, ADSL "; x4 rate=70 delay=40 spike=15000:140:60",
	"bbr; game at=4", NULL, "bbr.steady>100 game.p50<40", NULL },

/* session: both TUNs get packets soon after the start of an end (end.back) */
{ "start", 6, "rate=50 delay=35", "ping every=50", NULL,
	"ping.run<20", "a session, whatever the RTT" },
{ "serverrestart", 15, LAB, "cubic; game", "6: server restart",
	"cubic.stall<4 game.run<200", NULL },
{ "servercrash", 15, LAB, "cubic; game", "6: server crash",
	"cubic.stall<4 game.run<200", NULL },
{ "clientrestart", 15, LAB, "cubic; game", "6: client restart",
	"cubic.stall<4 game.run<200", NULL },
{ "clientcrash", 15, LAB, "cubic; game", "6: client crash",
	"cubic.stall<4 game.run<200", NULL },
{ "bothserverfirst", 10, LAB, "cubic; game",
	"5: server crash 0.3; 5: client crash 0.8",
	"end.back<500 game.run<80", "client 0.5 s after the server" },
{ "bothclientfirst", 10, LAB, "cubic up; game",
	"5: server crash 0.8; 5: client crash 0.3",
	"end.back<500 game.run<80", "server 0.5 s after the client" },
{ "bothatonce", 10, LAB, "udp rate=40; game",
	"5: server restart; 5: client restart; 7: server crash;"
	"7: client crash",
	"end.back<500 game.run<60", NULL },
{ "restarts", 12, "key; " LAB, "udp rate=10; game",
	"4: client crash 0.2; 5: server crash 0.2; 6: client restart 0.1;"
	"7: server restart 0.1; 8: client crash 0.05; 9: server crash 0.05",
	"end.back<1300 game.run<90", "with a key: one that crashed waits 1 s" },
{ "nat", 10, "key; " LAB, "udp rate=40; game",
	"4: 0 nat=1; 5: 1-4 nat=1; 6: 0 nat=0; 7: all nat=2",
	"end.heal<250 game.run<12", "no more than a heartbeat" },
{ "roaming", 12, "key; " LAB, "udp rate=40; game",
	"4: 0 host=1; 5: 1-4 host=2; 7: all host=3",
	"end.heal<250 game.run<12", "with a key the address is free" },
{ "moved", 14, "rate=2 conf=0 up.conf=0 delay=30 queue=100 prio=1", "game",
	"6.1: server restart 0.5; 6.1: client crash 0.5; 6.71: 0 gone=1;"
	"9.1: 0 gone=0", NULL, "a new socket within the handshake" },

/* rate: a delay that grows under load and stays; the rate is to stay too */
{ "delaystep", 20, "x2 rate=10 delay=10", "udp rate=15",
	"6: all delay=60", "udp.lost<10", "0.5 % lost" },
{ "delaysteptcp", 22, LAB, "cubic w1=8-14", "6: 1-4 delay=90",
	"cubic.w1>150", "8-14 s 200" },

/* offload: kernels and devices that lose segmented messages; the log says so,
 * and links that lose as much either way keep UDP_SEGMENT */
{ "segments", 12, "x2 rate=70 delay=40 queue=100 segloss=100",
	"udp rate=100", NULL,
	"link.off>1 link.off<3 udp.lost<30", NULL },
{ "segmentsall", 12, "x2 rate=70 delay=40 queue=100 segloss=0",
	"udp rate=100", NULL, "link.off<1 link.joint>1000", NULL },
{ "segmentslossy", 20, "x2 rate=70 delay=40 queue=100 segloss=0 loss=30",
	"udp rate=100", NULL, "link.off<1 link.joint>20000", NULL },
{ "segmentshigh", 20, "x2 rate=20 conf=70 delay=40 queue=30 segloss=0",
	"udp rate=100", NULL, "link.off<1 link.joint>20000", NULL },

/* measure: links that die, rates that change; what is sent after a fault is
 * answered again by then (end.heal, ms) */
{ "silent", 12, LAB, "ping", "4: 0 silent=1; 7: 0 silent=0",
	"ping.run<80", "0 lost in a row" },
{ "silentload", 15, LAB, "cubic; game", "6: 1-2 silent=1; 9: 1-2 silent=0",
	"cubic.steady>50 cubic.stall<2 game.run<80", NULL },
{ "alldown", 10, LAB, "cubic; ping every=20",
	"4: all silent=1; 6: all silent=0",
	"end.heal<500 cubic.stall<5 ping.run<150", NULL },
{ "oneway", 14, LAB, "udp rate=40; game",
	"4: 0 up.silent=1; 6: 0 silent=0; 7: 0 down.silent=1; 9: 0 silent=0;"
	"10: 1-4 up.silent=1; 12: 1-4 silent=0",
	"end.heal<400 game.run<5", "copies by other links" },
{ "pause", 20, LAB, "udp rate=10; game",
	"4: client pause 0.2; 5: server pause 1; 8: client pause 5",
	"end.heal<1500 game.run<400", NULL },
{ "fall", 32, LAB, "cubic w1=15-22 w2=25-32; ping every=20 at=12",
	"12: 1-4 rate=30; 22: 1-4 rate=70",
	"cubic.w1>20 cubic.w2>120 ping.p50<80 ping.lost<200",
	"15-22 s 111, 25-32 s 247, ping p99 35 ms" },
{ "steps", 62, ADSL "; x2 rate=70 delay=40", "cubic; ping every=20 at=4",
	"15: 1-2 rate=40; 30: 1-2 rate=15; 45: 1-2 rate=70",
	"cubic.steady>40 ping.p50<60", NULL },
{ "high", 22, "rate=10 delay=10 conf=13 prio=1; x4 rate=70 delay=40 conf=91",
	"cubic; game at=3", NULL,
	"cubic.steady>150 game.p50<60 game.p99<150",
	"game's 20 ms back within 1 s" },
{ "low", 22, "rate=10 delay=10 conf=7 prio=1; x4 rate=70 delay=40 conf=49",
	"cubic; game at=4", NULL,
	"cubic.steady>130 cubic.steady<190 link.queue<20 game.p50<30", "182" },
{ "unknown", 32, "rate=10 delay=10 conf=0 prio=1; x4 rate=70 delay=40 conf=0",
	"cubic w1=12-22; game at=12", NULL,
	"cubic.steady>50 game.p50<100", "12-22 s 234" },
{ "weak", 45, "x2 rate=70 delay=40 prio=1 queue=100", "cubic",
	"5: 1 rate=0.7; 12: 1 rate=70", "cubic.steady>100",
	"a link that was weak is tried again" },

/* moving: rates and delays that change all the time; at first whether a flood
 * takes all of them */
{ "flood", 12, "raw; walk=3:40:300 outage=1000:300 pkts=300", "udp rate=100",
	NULL, "udp.share>99 udp.share<101", NULL },
{ "floodpkts", 6, "raw; rate=20 queue=1000 pkts=50", "udp rate=100", NULL,
	"udp.share>99 udp.p50>26 udp.p99<28", "50 of 1340 bytes, 26.8 ms" },
{ "floodpoliced", 12, "raw; jump=5:50:500 police=50", "udp rate=100", NULL,
	"udp.share>98 udp.share<102 udp.p99<1 link.queue<1", NULL },
{ "floodchanges", 12, "raw; rate=2 queue=2000", "udp rate=150",
	"4: 0 rate=40; 5: 0 walk=5:50:100; 7: 0 outage=500:100;"
	"9: 0 jump=5:80:200", "udp.share>99 udp.share<101", NULL },
{ "shifts", 12, "raw; rate=20 delay=10 shift=1000:60", "ping every=20", NULL,
	"ping.p50>40 ping.max>70 ping.max<142 ping.lost<1", "20 to 140 ms" },
{ "jump2", 30, "x2 jump=5:50:1000 delay=20 pkts=300", "cubic", NULL,
	"cubic.share>75 cubic.stall<1.5", "share 90" },
{ "jump4", 30, "x4 jump=5:50:1000 delay=20 pkts=300", "cubic", NULL,
	"cubic.share>75 cubic.stall<1.5", "share 90" },
{ "jump2game", 30, "x2 jump=5:50:1000 delay=20 pkts=300", "cubic; game", NULL,
	"cubic.share>70 game.p50<60 game.p99<300 game.lost<20",
	"share 90, game p99 60" },
{ "lte", 30, LTE, "cubic; game", NULL,
	"cubic.share>70 game.p50<150 game.p99<1200 game.lost<60", NULL },
{ "ltepair", 30, "x2 " LTE, "cubic; game", NULL,
	"cubic.share>60 game.p50<100 game.p99<900 game.lost<20", NULL },
{ "satellite", 40, LEO, "cubic; game", NULL,
	"cubic.share>70 game.p50<200 game.p99<300 game.lost<20", "share 90" },
{ "satellites", 40, "x2 " LEO, "cubic; game", NULL,
	"cubic.share>70 game.p50<180 game.p99<300 game.lost<20", "share 90" },
{ "policed", 30, "rate=40 conf=0 police=20 delay=15; rate=20 delay=20",
	"cubic; game", NULL,
	"cubic.share>60 game.p50<45 game.p99<60 game.lost<20", "share 90" },
{ "bloat", 30, "rate=20 conf=0 queue=1000 delay=15; rate=10 conf=0 queue=1000"
	" delay=30", "cubic; game", NULL,
	"cubic.share>75 game.p50<45 game.p99<80 game.lost<20",
	"share 95, game p99 45" },

/* the same with links of all kinds, their rates configured, unknown and three
 * times as high */
{ "mixed", 40, MIXED(10, 60, 40), "cubic", NULL,
	"cubic.share>80 cubic.stall<2", "share 90" },
{ "mixedbbr", 40, MIXED(10, 60, 40), "bbr", NULL,
	"bbr.share>25 bbr.stall<2", "share 80" },
{ "mixedgame", 40, MIXED(10, 60, 40), "cubic; game", NULL,
	"cubic.share>80 game.p50<30 game.p99<50 game.lost<20",
	"share 90, game p99 24" },
{ "mixed0", 40, MIXED(0, 0, 0), "cubic", NULL,
	"cubic.share>80 cubic.stall<2", "share 90" },
{ "mixed0bbr", 40, MIXED(0, 0, 0), "bbr", NULL,
	"bbr.share>25 bbr.stall<2", "share 80" },
{ "mixed0game", 40, MIXED(0, 0, 0), "cubic; game", NULL,
	"cubic.share>80 game.p50<30 game.p99<50 game.lost<20",
	"share 90, game p99 24" },
{ "mixed3", 40, MIXED(30, 180, 120), "cubic", NULL,
	"cubic.share>80 cubic.stall<2", "share 90" },
{ "mixed3bbr", 40, MIXED(30, 180, 120), "bbr", NULL,
	"bbr.share>25 bbr.stall<2", "share 80" },
{ "mixed3game", 40, MIXED(30, 180, 120), "cubic; game", NULL,
	"cubic.share>80 game.p50<30 game.p99<50 game.lost<20",
	"share 90, game p99 24" },
