# Settings, and what there is to know of the phone.
namespace eval settings {
    proc open {} {
        if {[winfo exists .settings]} {
            raise .settings
            catch {exec wmctrl -a Settings}
            return
        }
        set body [page .settings Settings]
        switch_row $body network "Network" settings::network
        switch_row $body hours24 "24-hour clock" settings::clock
        set row [row $body]
        label $row.name -text "Terminal text" -font [font_of 22 Medium] -foreground $::colour(text) \
            -background $::colour(card)
        pack $row.name -side left -padx [u 20]
        foreach {size face} {26 A+ 20 A 16 A-} {
            label $row.b$size -text $face -font [font_of 21 SemiBold] -width 3 -foreground white
            pack $row.b$size -side right -padx [u 6] -ipady [u 8]
            bind $row.b$size <ButtonRelease-1> "set ::choice(text) $size; keep_choices; settings::sizes $row"
        }
        sizes $row
        link_row $body "About this phone" settings::about
        link_row $body "Sensors" sensors::open
        link_row $body "Power" power::menu
    }

    proc row {body} {
        set row [frame $body.row[llength [winfo children $body]] -background $::colour(card) -height [u 76]]
        pack propagate $row 0
        pack $row -fill x -padx [u 16] -pady [u 5]
        return $row
    }

    proc sizes {row} {
        foreach size {16 20 26} {
            $row.b$size configure \
                -background [expr {$::choice(text) == $size ? $::colour(accent) : $::colour(key)}]
        }
    }

    proc switch_row {body name text command} {
        set row [row $body]
        label $row.name -text $text -font [font_of 22 Medium] -foreground $::colour(text) \
            -background $::colour(card)
        canvas $row.switch -width [u 64] -height [u 36] -background $::colour(card) -borderwidth 0 \
            -highlightthickness 0
        pack $row.name -side left -padx [u 20]
        pack $row.switch -side right -padx [u 20]
        foreach window [list $row $row.name $row.switch] {
            bind $window <ButtonRelease-1> [list settings::flip $row.switch $name $command]
        }
        draw_switch $row.switch $::choice($name)
    }

    proc flip {canvas name command} {
        set ::choice($name) [expr {!$::choice($name)}]
        draw_switch $canvas $::choice($name)
        keep_choices
        $command
    }

    proc draw_switch {canvas on} {
        $canvas delete all
        rounded $canvas 0 0 [u 64] [u 36] [u 18] -fill [expr {$on ? $::colour(accent) : $::colour(key)}]
        set x [expr {$on ? [u 46] : [u 18]}]
        $canvas create oval [expr {$x - [u 13]}] [u 5] [expr {$x + [u 13]}] [u 31] -fill white -outline ""
    }

    proc link_row {body text command} {
        set row [row $body]
        label $row.name -text $text -font [font_of 22 Medium] -foreground $::colour(text) \
            -background $::colour(card) -anchor w
        label $row.more -text "\u203a" -font [font_of 30] -foreground $::colour(dim) -background $::colour(card)
        pack $row.more -side right -padx [u 22]
        pack $row.name -side left -padx [u 20]
        foreach window [list $row $row.name $row.more] {
            bind $window <ButtonRelease-1> $command
        }
    }

    proc network {} {
        ask_root [expr {$::choice(network) ? "network-on" : "network-off"}]
        after 1500 status::draw
    }

    proc clock {} {
        status::draw
        home::tick
    }

    proc about {} {
        if {[winfo exists .about]} { destroy .about }
        set body [page .about "About this phone"]
        set facts [list Debian [read_file /etc/debian_version] Kernel [read_file /proc/sys/kernel/osrelease]]
        regexp {MemTotal:\s+(\d+)} [read_file /proc/meminfo] -> total
        regexp {MemAvailable:\s+(\d+)} [read_file /proc/meminfo] -> free
        lappend facts Memory "[expr {$free / 1024}] of [expr {$total / 1024}] MiB free"
        catch {
            lassign [lindex [split [exec df -m /] \n] end] - size - left
            lappend facts Storage "$left of $size MiB free"
        }
        lappend facts Panel "[winfo screenwidth .] x [winfo screenheight .]"
        set battery [status::battery]
        if {$battery ne ""} { lappend facts Battery "[lindex $battery 0] %, [string tolower [lindex $battery 1]]" }
        set address none
        catch {
            regexp {inet ([\d.]+)} [exec /usr/lib/phone/bin/ip -4 addr show scope global] -> address
        }
        lappend facts Network $address
        foreach {name value} $facts {
            set row [row $body]
            label $row.name -text $name -font [font_of 21 Medium] -foreground $::colour(dim) \
                -background $::colour(card)
            label $row.value -text $value -font [font_of 21 Medium] -foreground $::colour(text) \
                -background $::colour(card)
            pack $row.name -side left -padx [u 20]
            pack $row.value -side right -padx [u 20]
        }
    }
}
