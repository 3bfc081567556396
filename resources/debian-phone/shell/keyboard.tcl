# The keyboard on the panel. What is tapped is typed into the program in front, by xte and the XTest extension.
namespace eval keyboard {
    variable height [u 292]
    variable layer letters
    variable control 0
    variable typist ""
    variable held ""

    variable layers
    array set layers {
        letters {
            {Esc Tab Ctrl Copy Paste Left Down Up Right}
            {q w e r t y u i o p}
            {a s d f g h j k l}
            {Shift z x c v b n m Erase}
            {Signs , Space . Enter}
        }
        capitals {
            {Esc Tab Ctrl Copy Paste Left Down Up Right}
            {Q W E R T Y U I O P}
            {A S D F G H J K L}
            {Shift Z X C V B N M Erase}
            {Signs , Space . Enter}
        }
        signs {
            {Esc Tab Ctrl Copy Paste Left Down Up Right}
            {1 2 3 4 5 6 7 8 9 0}
            {@ # $ _ & - + ( ) /}
            {More * \" ' : ; ! ? Erase}
            {Letters , Space . Enter}
        }
        more {
            {Esc Tab Ctrl Copy Paste Left Down Up Right}
            {~ ` | ^ = \\ < > % /}
            {[ ] \{ \} & - + ( ) _}
            {Signs * \" ' : ; ! ? Erase}
            {Letters , Space . Enter}
        }
    }
    variable faces
    array set faces {
        Left \u2190 Down \u2193 Up \u2191 Right \u2192 Shift \u21e7 Erase \u232b Enter \u23ce
        Signs ?123 More "=\\<" Letters abc Space "" Esc esc Tab tab Ctrl ctrl Copy copy Paste paste
    }
    variable weights
    array set weights {Shift 1.5 More 1.5 Erase 1.5 Signs 1.6 Letters 1.6 Space 4.6 Enter 1.8 Copy 1.3 Paste 1.3}
    variable keysyms
    array set keysyms {
        Esc Escape Tab Tab Left Left Down Down Up Up Right Right Erase BackSpace Enter Return Space space
    }

    proc make {} {
        variable height
        dock .keyboard dock ${::width}x$height+0+[expr {$::height - [u 64] - $height}]
        wm title .keyboard Keyboard
        canvas .keyboard.c -height $height -background $::colour(bar) -borderwidth 0 -highlightthickness 0
        pack .keyboard.c -fill both -expand 1
        bind .keyboard.c <Configure> keyboard::draw
        bind .keyboard.c <ButtonPress-1> {keyboard::down %x %y}
        bind .keyboard.c <ButtonRelease-1> keyboard::up
    }

    proc shown {} { expr {[winfo exists .keyboard] && [winfo ismapped .keyboard]} }
    proc toggle {} { if {[shown]} hide else show }
    proc hide {} { if {[winfo exists .keyboard]} { wm withdraw .keyboard } }

    proc show {} {
        if {![winfo exists .keyboard]} make
        begin
        wm deiconify .keyboard
    }

    # Whether there is somebody to tell of keys.
    proc begin {} {
        variable typist
        if {$typist eq ""} {
            if {[catch {open |xte w} channel]} { return 0 }
            fconfigure $channel -buffering line
            set typist $channel
        }
        return 1
    }

    # An xte that has ended says so when it is told something: another one is told then, from the beginning.
    proc type {args} {
        variable typist
        foreach try {1 2} {
            if {![begin] || ![catch { foreach command $args { puts $typist $command } }]} return
            catch {close $typist}
            set typist ""
        }
    }

    proc chord {modifier key} { type "keydown $modifier" "key $key" "keyup $modifier" }

    proc draw {} {
        variable layers
        variable layer
        variable faces
        variable weights
        variable places {}
        variable control
        set c .keyboard.c
        $c delete all
        set wide [winfo width $c]
        set y [u 6]
        set number 0
        foreach row $layers($layer) {
            set tall [expr {$number == 0 ? [u 42] : [u 58]}]
            set total 0.0
            foreach key $row {
                set total [expr {$total + [expr {[info exists weights($key)] ? $weights($key) : 1}]}]
            }
            set count [expr {$number == 0 ? $total : max($total, 10.0)}]
            set part [expr {($wide - [u 8]) / $count}]
            set x [expr {([u 8] + ($count - $total) * $part) / 2.0}]
            foreach key $row {
                set weight [expr {[info exists weights($key)] ? $weights($key) : 1}]
                set x1 [expr {$x + $weight * $part}]
                set special [expr {[string length $key] > 1 && $key ne "Space"}]
                set fill [expr {$key eq "Enter" || ($key eq "Ctrl" && $control)
                    || ($key eq "Shift" && $layer eq "capitals") ? $::colour(accent)
                    : $special ? $::colour(special) : $::colour(key)}]
                set at [llength $places]
                rounded $c [expr {$x + [u 3]}] [expr {$y + [u 3]}] [expr {$x1 - [u 3]}] \
                    [expr {$y + $tall - [u 3]}] [u 9] -fill $fill -tags key$at
                set face [expr {[info exists faces($key)] ? $faces($key) : $key}]
                set size [expr {$number == 0 ? 17 : [string length $face] > 1 ? 19 : 25}]
                $c create text [expr {($x + $x1) / 2}] [expr {$y + $tall / 2}] -text $face \
                    -fill $::colour(text) -font [font_of $size Medium]
                lappend places [list $x $y $x1 [expr {$y + $tall}] $key $fill]
                set x $x1
            }
            incr y $tall
            incr number
        }
    }

    proc down {x y} {
        variable places
        variable held
        set at 0
        foreach place $places {
            lassign $place x0 y0 x1 y1 key
            if {$x >= $x0 && $x < $x1 && $y >= $y0 && $y < $y1} {
                set held $at
                .keyboard.c itemconfigure key$at -fill $::colour(pressed)
                tapped $key
                if {$key in {Erase Left Right Up Down Space}} { after 450 [list keyboard::again $at $key] }
                return
            }
            incr at
        }
    }

    proc again {at key} {
        variable held
        if {$held eq $at} {
            tapped $key
            after 70 [list keyboard::again $at $key]
        }
    }

    proc up {} {
        variable places
        variable held
        if {$held ne ""} { catch {.keyboard.c itemconfigure key$held -fill [lindex $places $held 5]} }
        set held ""
    }

    proc tapped {key} {
        variable layer
        variable control
        variable keysyms
        switch -- $key {
            Shift { set layer [expr {$layer eq "capitals" ? "letters" : "capitals"}]; draw }
            Signs { set layer signs; draw }
            More { set layer more; draw }
            Letters { set layer letters; draw }
            Ctrl { set control [expr {!$control}]; draw }
            Copy { copying::copy }
            Paste { copying::paste }
            default {
                set command [expr {[info exists keysyms($key)] ? "key $keysyms($key)" : "str $key"}]
                if {$control} {
                    set control 0
                    chord Control_L [lindex $command 1]
                    after idle keyboard::draw
                } else {
                    type $command
                }
                if {$layer eq "capitals"} {
                    set layer letters
                    after idle keyboard::draw
                }
            }
        }
    }
}
