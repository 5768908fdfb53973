// See LICENSE file for copyright and license details.

// A QUIC server and its client, made of quic-go, to measure with. The client
// asks for one thing on each stream: to get so many bytes, to get what comes
// in so many seconds, or to put what goes in so many.
//
//	quic -s 203.0.113.1:443 [-reno]
//	quic -c 203.0.113.1:443 -t seconds [-up] [-reno]
//	quic -c 203.0.113.1:443 -b bytes -n fetches [-new] [-w ms]
//
// The client prints Mbit/s for each second, as the receiver sees it, or ms for
// each fetch. Who sends writes to the standard error each second what its
// congestion control knows, and when slow start ended.
//
// quic-go is altered for this, see buildquic in lab.sh.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lucas-clemente/quic-go"
	"github.com/lucas-clemente/quic-go/logging"
)

const (
	chain   = 2000 // bytes of a certificate, as the chains of web sites have
	request = 300  // bytes, as a browser's
	chunk   = 64 << 10
	few     = 5000        // bytes in flight of one that only acknowledges
	unit    = time.Second // of all tables
)

// as Chromium, where it is not quic-go's default
var config = &quic.Config{
	ConnectionIDLength:             8,
	InitialStreamReceiveWindow:     6 << 20,
	InitialConnectionReceiveWindow: 15 << 20,
	Tracer:                         &tracer{},
}

// what a sender knows, from quic-go's tracer

type tracer struct {
	logging.NullTracer
	n int32 // connections so far
}

type sender struct {
	logging.NullConnectionTracer
	n      int32
	start  time.Time
	next   time.Duration // of the next line, since start
	cwnd   logging.ByteCount
	flight logging.ByteCount
	lost   int
	left   bool // slow start
}

func (t *tracer) TracerForConnection(context.Context, logging.Perspective,
	logging.ConnectionID) logging.ConnectionTracer {
	return &sender{n: atomic.AddInt32(&t.n, 1), start: time.Now(),
		next: unit}
}

func (s *sender) UpdatedMetrics(rtt *logging.RTTStats, cwnd,
	flight logging.ByteCount, _ int) {
	s.cwnd, s.flight = cwnd, flight
	if flight < few || time.Since(s.start) < s.next {
		return
	}
	fmt.Fprintf(os.Stderr, "%d: %3.0f s: cwnd %5d kB, in flight %5d kB, "+
		"RTT least %5.1f, latest %5.1f ms, lost %d\n", s.n,
		s.next.Seconds(), cwnd/1000, flight/1000, ms(rtt.MinRTT()),
		ms(rtt.LatestRTT()), s.lost)
	s.next = time.Since(s.start).Truncate(unit) + unit
	s.lost = 0
}

func (s *sender) LostPacket(logging.EncryptionLevel, logging.PacketNumber,
	logging.PacketLossReason) {
	s.lost++
}

func (s *sender) UpdatedCongestionState(state logging.CongestionState) {
	if s.left || s.flight < few ||
		state == logging.CongestionStateSlowStart ||
		state == logging.CongestionStateApplicationLimited {
		return
	}
	s.left = true
	fmt.Fprintf(os.Stderr, "%d: slow start ended after %.2f s at %d kB\n",
		s.n, time.Since(s.start).Seconds(), s.cwnd/1000)
}

func ms(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}

// both ends

// Send zeros for so long.
func send(w io.Writer, secs int) {
	end := time.Now().Add(time.Duration(secs) * unit)
	buf := make([]byte, chunk)
	for time.Now().Before(end) {
		if _, err := w.Write(buf); err != nil {
			return
		}
	}
}

// Receive until the end, and say what came in each second, in Mbit/s.
func receive(r io.Reader, to io.Writer) {
	buf := make([]byte, chunk)
	start := time.Now()
	bytes, secs := 0, 0
	for {
		n, err := r.Read(buf)
		for ; time.Since(start) >= time.Duration(secs+1)*unit; secs++ {
			fmt.Fprintf(to, "%d %.1f\n", secs+1, float64(bytes)*8e-6)
			bytes = 0
		}
		bytes += n
		if err != nil {
			return
		}
	}
}

// server

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	cert := x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{strings.Repeat("x", chain)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &cert, &cert,
		&key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serve(addr string) {
	l, err := quic.ListenAddr(addr, &tls.Config{
		Certificates: []tls.Certificate{certificate()},
		NextProtos:   []string{"lab"},
	}, config)
	check(err)
	for {
		conn, err := l.Accept(context.Background())
		check(err)
		go func() {
			for {
				s, err := conn.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go answer(s)
			}
		}()
	}
}

func answer(s quic.Stream) {
	var what string
	var n int

	in := bufio.NewReader(s)
	line, _ := in.ReadString('\n')
	fmt.Sscan(line, &what, &n)
	switch what {
	case "get":
		s.Write(make([]byte, n))
	case "run":
		send(s, n)
	case "put":
		receive(in, s)
	}
	s.Close()
}

// client

func dial(addr string) quic.Connection {
	conn, err := quic.DialAddr(addr, &tls.Config{
		InsecureSkipVerify: true,
		NextProtos:         []string{"lab"},
	}, config)
	check(err)
	return conn
}

func ask(conn quic.Connection, what string, n int) quic.Stream {
	s, err := conn.OpenStreamSync(context.Background())
	check(err)
	_, err = fmt.Fprintf(s, "%*s\n", request-1, fmt.Sprint(what, " ", n))
	check(err)
	return s
}

func upload(addr string, secs int) {
	s := ask(dial(addr), "put", secs)
	go func() {
		send(s, secs)
		s.Close()
	}()
	io.Copy(os.Stdout, s)
}

// Fetch so many bytes n times, by a new connection each time or all by one.
func fetch(addr string, size, n int, fresh bool, wait time.Duration) {
	var conn quic.Connection

	for i := 0; i < n; i++ {
		start := time.Now()
		if conn == nil || fresh {
			conn = dial(addr)
		}
		s := ask(conn, "get", size)
		s.Close()
		got, err := io.Copy(io.Discard, s)
		if err != nil || got != int64(size) {
			log.Fatalf("%d of %d bytes: %v", got, size, err)
		}
		fmt.Printf("%.1f\n", ms(time.Since(start)))
		if fresh {
			conn.CloseWithError(0, "")
		}
		time.Sleep(wait)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	server := flag.String("s", "", "address and port to serve")
	client := flag.String("c", "", "address and port to ask")
	secs := flag.Int("t", 0, "seconds of a download")
	up := flag.Bool("up", false, "upload instead")
	size := flag.Int("b", 15000, "bytes of a fetch")
	n := flag.Int("n", 1, "number of fetches")
	fresh := flag.Bool("new", false, "a new connection for each")
	wait := flag.Int("w", 300, "ms after each")
	reno := flag.Bool("reno", false, "send with Reno")
	flag.Parse()
	if *reno {
		os.Setenv("RENO", "1")
	}
	switch {
	case *server != "":
		serve(*server)
	case *client == "":
		flag.Usage()
		os.Exit(1)
	case *secs == 0:
		fetch(*client, *size, *n, *fresh,
			time.Duration(*wait)*time.Millisecond)
	case *up:
		upload(*client, *secs)
	default:
		receive(ask(dial(*client), "run", *secs), os.Stdout)
	}
}
