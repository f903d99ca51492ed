# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Bash completion for tarsier. Commands, options, what their values look like, and the names of the
# events come from the program itself (--help, events), so that they are right for the version that
# is installed. Needs nothing but bash.

# Offers those of the words "$@" that begin with what has been typed.
_tarsier_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$_tarsier_typed")
}

# The same, where more can follow without a blank.
_tarsier_offer_start() {
	_tarsier_offer "$@"
	compopt -o nospace 2>/dev/null
}

# Offers files and folders.
_tarsier_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$_tarsier_typed")
}

_tarsier_pids() {
	local pids=(/proc/[0-9]*)

	_tarsier_offer "${pids[@]#/proc/}"
}

_tarsier_ask() {
	"${COMP_WORDS[0]}" "$@" 2>/dev/null </dev/null
}

# The commands: the first words of the indented lines of `tarsier --help`.
_tarsier_commands() {
	_tarsier_ask --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

# The options of a command, a line each: short name or -, long name, what the value looks like.
_tarsier_options() {
	_tarsier_ask "$1" --help | sed -n \
		-e 's/^  \(-.\), \(--[a-z-]*\) \{0,1\}\([^ ]*\) .*/\1 \2 \3/p' \
		-e 's/^  *\(--[a-z-]*\) \{0,1\}\([^ ]*\) .*/- \1 \2/p'
}

# The events: the first words of the lines of `tarsier events`, whose heading is in capitals.
_tarsier_events() {
	_tarsier_ask events | sed -n 's/^\([a-z][a-z0-9_]*\) .*/\1/p'
}

# Offers what can come next in a list with commas: -e sched_process_fork,ta<TAB>
_tarsier_event_list() {
	local before='' names

	if [[ $_tarsier_typed == *,* ]]; then
		before=${_tarsier_typed%,*},
	fi
	mapfile -t names < <(_tarsier_events)
	names+=(process all)
	_tarsier_offer_start "${names[@]/#/$before}"
}

# What follows --scope; $1 is the key before the `=`, if any.
_tarsier_scope() {
	case $1 in
	exe) _tarsier_files ;;
	pid | descendants-of) _tarsier_pids ;;
	uid) mapfile -t COMPREPLY < <(getent passwd | cut -d: -f3 | grep "^$_tarsier_typed") ;;
	comm) ;;
	*) _tarsier_offer_start uid= 'uid!=' pid= comm= exe= descendants-of= ;;
	esac
}

# The value of an option: $1 the command, $2 the option, $3 the key if the value is `key=...`.
# Fails where the option takes no value, or there is no such option.
_tarsier_value() {
	local short long value

	while read -r short long value; do
		if [[ $2 != "$short" && $2 != "$long" ]] || [[ -z $value ]]; then
			continue
		fi
		case $value in
		EVENT*) _tarsier_event_list ;;
		EXPR) _tarsier_scope "$3" ;;
		FILE) _tarsier_files ;;
		FORMAT:* | FORMAT\[*) _tarsier_offer_start table json json-pretty none ;;
		FORMAT) _tarsier_offer text json md schema ;;
		WHEN) _tarsier_offer auto always never ;;
		T) _tarsier_offer_start 100ms 1s 10s 1m ;;
		# Values that are named as they are written: text|json|dot
		*\|*) _tarsier_offer "${value//|/ }" ;;
		esac
		return 0
	done < <(_tarsier_options "$1")
	return 1
}

_tarsier() {
	local _tarsier_typed=${COMP_WORDS[COMP_CWORD]} at=$COMP_CWORD command=${COMP_WORDS[1]-}
	local option key='' words

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t words < <(_tarsier_commands)
		_tarsier_offer "${words[@]}" --help --version
		return
	fi

	# `:` and `=` are words of their own to bash: what is typed begins after the last of them.
	case $_tarsier_typed in
	: | = | '!=') _tarsier_typed='' at=$((at + 1)) ;;
	esac
	case ${COMP_WORDS[at - 1]} in
	:)
		# FORMAT:FILE
		_tarsier_files
		return
		;;
	= | '!=')
		key=${COMP_WORDS[at - 2]%!}
		# --option=value, or --scope key=value
		if [[ $key == --* ]]; then
			option=$key key=''
		else
			option=${COMP_WORDS[at - 3]}
			[[ $option != = ]] || option=${COMP_WORDS[at - 4]}
		fi
		;;
	*) option=${COMP_WORDS[at - 1]} ;;
	esac

	if [[ $option == -* ]] && _tarsier_value "$command" "$option" "$key"; then
		return
	fi
	if [[ $_tarsier_typed == -* ]]; then
		mapfile -t words < <(_tarsier_options "$command")
		# Of each line the names: -e --events EVENT,... -> -e --events
		read -r -d '' -a words < <(printf '%s\n' "${words[@]}" | cut -d ' ' -f 1,2)
		_tarsier_offer "${words[@]/#%-/}"
		return
	fi
	case $command in
	replay | tree) _tarsier_files ;;
	stores)
		if ((COMP_CWORD == 2)); then
			_tarsier_offer process dump
		else
			_tarsier_files
		fi
		;;
	events)
		mapfile -t words < <(_tarsier_events)
		_tarsier_offer "${words[@]}"
		;;
	esac
}

complete -F _tarsier tarsier
