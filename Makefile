# udpbond - joins several internet links into one
# See LICENSE file for copyright and license details.
.POSIX:

include config.mk

DIST = udpbond-${VERSION}

all: options udpbond

options:
	@echo udpbond build options:
	@echo "CC       = ${CC}"
	@echo "CPPFLAGS = ${CPPFLAGS}"
	@echo "CFLAGS   = ${CFLAGS}"
	@echo "LDFLAGS  = ${LDFLAGS}"

config.h:
	cp config.def.h $@

udpbond: udpbond.c config.h config.mk
	${CC} ${CPPFLAGS} ${CFLAGS} -o $@ udpbond.c ${LDFLAGS}

# Compile with CC if it is set to anything but cc, or else with musl-gcc.
# musl-gcc lacks the kernel's headers, so add the system's, searched last.
static: config.h
	@cc="${CC}"; [ "$$cc" != cc ] || cc="${STATICCC}"; \
	command -v $$cc >/dev/null || { \
		echo "static: no $$cc: install musl-tools (Debian), or set CC" \
		"to a compiler for musl" >&2; exit 1; }; \
	set -x; $$cc ${CPPFLAGS} ${CFLAGS} ${STATICFLAGS} \
		-idirafter /usr/include/$$($$cc -dumpmachine 2>/dev/null) -o udpbond \
		udpbond.c ${LDFLAGS}

clean:
	rm -f udpbond ${DIST}.tar.gz test/linkem test/unit test/sim test/super

dist: clean
	mkdir -p ${DIST}
	cp -R LICENSE Makefile README config.def.h config.mk udpbond.1 \
		udpbond.c test.sh test .ci .gitignore ${DIST}
	tar -czf ${DIST}.tar.gz ${DIST}
	rm -rf ${DIST}

install: all
	mkdir -p ${DESTDIR}${PREFIX}/sbin ${DESTDIR}${MANPREFIX}/man1
	cp -f udpbond ${DESTDIR}${PREFIX}/sbin
	chmod 755 ${DESTDIR}${PREFIX}/sbin/udpbond
	sed "s/VERSION/${VERSION}/g" <udpbond.1 \
		>${DESTDIR}${MANPREFIX}/man1/udpbond.1
	chmod 644 ${DESTDIR}${MANPREFIX}/man1/udpbond.1

uninstall:
	rm -f ${DESTDIR}${PREFIX}/sbin/udpbond \
		${DESTDIR}${MANPREFIX}/man1/udpbond.1

test:
	./test.sh

bench:
	./test/bench.sh

faults:
	./test/faults.sh

demo:
	./test/demo.sh

.PHONY: all options static clean dist install uninstall test bench faults demo
