# udpbond version
VERSION = 0.1

# paths
PREFIX = /usr/local
MANPREFIX = ${PREFIX}/share/man

# flags
CPPFLAGS = -D_GNU_SOURCE -DVERSION=\"${VERSION}\"
CFLAGS = -std=c99 -pedantic -Wall -Wextra -O2
LDFLAGS = -s

# compiler and linker; make static takes STATICCC
CC = cc
STATICCC = musl-gcc
