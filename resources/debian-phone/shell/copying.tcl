# The clipboard. What is copied in any program goes to the handset, and what is pasted is asked for there, as far
# as the policy of whoever governs the phone lets it. This process keeps X's clipboard for itself: who takes it
# away has copied something, which is fetched and taken over, so that it outlives the program as well.
namespace eval copying {
    variable agent /usr/lib/phone/clipboard
    variable channel /run/clipboard/ask
    variable text ""
    variable pasted ""

    proc make {} {
        frame .copying
        foreach selection {CLIPBOARD PRIMARY} {
            selection handle -selection $selection .copying copying::give
        }
        event add <<Paste>> <Shift-Key-Insert>
        own CLIPBOARD copying::lost
    }

    proc own {selection {lost ""}} { selection own -selection $selection -command $lost .copying }

    proc lost {} { after 50 copying::taken }

    proc taken {} {
        if {[selection own -selection CLIPBOARD] eq ".copying"} return
        set found [selected CLIPBOARD]
        own CLIPBOARD copying::lost
        keep $found
    }

    proc selected {selection} {
        foreach type {UTF8_STRING STRING} {
            if {![catch {selection get -selection $selection -type $type} found]} { return $found }
        }
        return ""
    }

    # The keyboard's own keys: they work alike in every program, whatever its keys for this are.
    proc copy {} {
        if {[selection own -selection PRIMARY] eq ".copying" || [selected PRIMARY] eq ""} {
            say "Nothing is selected"
        } else {
            keep [selected PRIMARY]
            say "Copied"
        }
    }

    proc paste {} {
        own PRIMARY ;# Shift and Insert is the clipboard to some programs, and what is selected to others
        winfo pointerxy . ;# comes back when the server has heard of it: the keys take another way
        keyboard::chord Shift_L Insert
    }

    proc keep {found} {
        variable agent
        variable channel
        variable text
        if {$found eq ""} return
        set text $found
        if {![file exists $channel]} return
        if {[catch {::open |[list $agent copy << $found 2>@1]} said]} {
            say "It cannot be copied to the handset"
        } else {
            fconfigure $said -blocking 0
            fileevent $said readable [list copying::kept $said]
        }
    }

    proc kept {said} {
        set sentence [string trim [read $said 1000]]
        if {$sentence ne ""} { say [string map {"clipboard: " ""} $sentence] }
        if {[eof $said]} { catch {close $said} }
    }

    # A program pastes: it fetches the text in pieces, the handset is asked at the first of them.
    proc give {offset most} {
        variable agent
        variable channel
        variable text
        variable pasted
        if {$offset == 0} {
            if {![file exists $channel]} {
                set pasted $text
            } elseif {[catch {exec -keepnewline $agent paste} pasted]} {
                after idle [list copying::say [lindex [split $pasted \n] 0]]
                set pasted ""
            }
        }
        string range $pasted $offset [expr {$offset + $most - 1}]
    }

    # A sentence over whatever is in front, for a while.
    proc say {sentence} {
        if {[winfo exists .said]} { destroy .said }
        toplevel .said -background $::colour(card)
        wm withdraw .said
        wm overrideredirect .said 1
        label .said.text -text $sentence -wraplength [expr {$::width - [u 100]}] -font [font_of 20 Medium] \
            -foreground $::colour(text) -background $::colour(card) -padx [u 24] -pady [u 14]
        pack .said.text
        update idletasks
        wm geometry .said +[expr {($::width - [winfo reqwidth .said]) / 2}]+[u 60]
        wm deiconify .said
        raise .said
        after cancel {destroy .said}
        after 4000 {destroy .said}
    }
}
