/* SPDX-License-Identifier: MIT */
#include "lib/escape.h"

#define ESC 0x1b
#define BEL 0x07

/* What the next byte is. */
enum {
	TEXT,
	AFTER_ESC,
	PARAMETERS, /* of a control sequence, ended by a letter or the like */
	STRING,     /* such as a window's title, ended by BEL or ESC \ */
	LAST,       /* the one character that follows a single shift; of a function key, its name */
};

static uint8_t after_esc(uint8_t byte)
{
	switch (byte) {
	case '[':
		return PARAMETERS;
	case 'N':
	case 'O':
		return LAST;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		return STRING;
	default:
		return byte < 0x30 ? AFTER_ESC : TEXT;
	}
}

bool escape_takes(uint8_t *state, uint8_t byte)
{
	bool taken = *state != TEXT;

	if (byte == ESC) {
		*state = AFTER_ESC;
		return true;
	}
	if (byte < 0x20 && *state != STRING) {
		*state = TEXT;
		return false;
	}
	switch (*state) {
	case AFTER_ESC:
		*state = after_esc(byte);
		break;
	case PARAMETERS:
		*state = byte >= 0x40 && byte < 0x7f ? TEXT : PARAMETERS;
		break;
	case STRING:
		*state = byte == BEL ? TEXT : STRING;
		break;
	default:
		*state = TEXT;
		break;
	}
	return taken;
}
