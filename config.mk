# udpbond version
VERSION = 0.1

# paths
PREFIX = /usr/local
MANPREFIX = ${PREFIX}/share/man

# flags
CPPFLAGS = -D_GNU_SOURCE -DVERSION=\"${VERSION}\"
CFLAGS = -std=c99 -pedantic -Wall -Wextra -O2
LDFLAGS = -s

# compiler and linker
CC = cc

# make static; STATICCC is used only while CC is cc
STATICCC = musl-gcc
STATICFLAGS = -Os -static -fno-pie -fno-asynchronous-unwind-tables \
	-ffunction-sections -fdata-sections -Wl,--gc-sections \
	-Wl,-z,noseparate-code,-z,norelro,-z,common-page-size=64 \
	-idirafter /usr/include
