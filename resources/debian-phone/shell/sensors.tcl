# What the phone feels: how it is held, where it is, its battery. Asked for only while it is looked at.
namespace eval sensors {
    variable place ""
    variable channel ""

    proc open {} {
        if {[winfo exists .sensors]} {
            raise .sensors
            catch {exec wmctrl -a Sensors}
            return
        }
        set body [page .sensors Sensors]
        canvas $body.level -height [u 240] -background $::colour(page) -borderwidth 0 -highlightthickness 0
        pack $body.level -fill x -pady [u 6]
        foreach name {motion place satellites battery} {
            set row [settings::row $body]
            label $row.name -text [string totitle $name] -font [font_of 21 Medium] -foreground $::colour(dim) \
                -background $::colour(card)
            label $row.value -text "none" -font [font_of 21 Medium] -foreground $::colour(text) \
                -background $::colour(card)
            pack $row.name -side left -padx [u 20]
            pack $row.value -side right -padx [u 20]
            variable row_of
            set row_of($name) $row.value
        }
        bind $body.level <Destroy> sensors::stop
        listen
        look $body.level
    }

    proc listen {} {
        variable channel
        if {![catch {::open /dev/ttyAMA1 {RDWR NONBLOCK NOCTTY}} channel]} {
            fconfigure $channel -blocking 0 -translation binary
            fileevent $channel readable sensors::sentence
        } else {
            set channel ""
        }
    }

    proc stop {} {
        variable channel
        catch {close $channel}
        set channel ""
    }

    # NMEA 0183: position and satellites are in GGA.
    proc sentence {} {
        variable channel
        variable row_of
        if {[gets $channel line] < 0} {
            if {[eof $channel]} stop
            return
        }
        set fields [split [string trim $line] ,]
        if {![string match {$G?GGA} [lindex $fields 0]]} return
        lassign $fields - - latitude north longitude east fix satellites
        if {$fix in {"" 0}} {
            set text "searching"
        } else {
            set text "[degrees $latitude 2]\u00b0 $north, [degrees $longitude 3]\u00b0 $east"
        }
        catch {
            $row_of(place) configure -text $text
            $row_of(satellites) configure -text [expr {[scan $satellites %d count] == 1 ? $count : 0}]
        }
    }

    proc degrees {value digits} {
        scan [string range $value 0 [expr {$digits - 1}]] %d whole
        scan [string range $value $digits end] %f minutes
        format %.4f [expr {$whole + $minutes / 60}]
    }

    proc motion {} {
        foreach folder [glob -nocomplain /sys/bus/iio/devices/iio:device*] {
            set scale [read_file $folder/in_accel_scale]
            if {$scale eq ""} continue
            set found {}
            foreach axis {x y z} {
                lappend found [expr {[read_file $folder/in_accel_${axis}_raw 0] * $scale}]
            }
            return $found
        }
        return {}
    }

    proc look {c} {
        variable row_of
        if {![winfo exists $c]} return
        if {[winfo ismapped $c]} {
            set felt [motion]
            set middle [expr {[winfo width $c] / 2}]
            set y [u 118]
            $c delete all
            foreach radius {112 68 24} {
                set r [u $radius]
                $c create oval [expr {$middle - $r}] [expr {$y - $r}] [expr {$middle + $r}] [expr {$y + $r}] \
                    -outline $::colour(line) -width [u 2]
            }
            if {$felt ne ""} {
                lassign $felt ax ay az
                set bx [expr {$middle + max(-1.0, min(1.0, $ax / 9.81)) * [u 88]}]
                set by [expr {$y - max(-1.0, min(1.0, $ay / 9.81)) * [u 88]}]
                $c create oval [expr {$bx - [u 22]}] [expr {$by - [u 22]}] [expr {$bx + [u 22]}] \
                    [expr {$by + [u 22]}] -fill $::colour(accent) -outline ""
                $row_of(motion) configure -text [format "%.1f  %.1f  %.1f m/s\u00b2" $ax $ay $az]
            }
            set battery [status::battery]
            if {$battery ne ""} {
                $row_of(battery) configure -text "[lindex $battery 0] %, [string tolower [lindex $battery 1]]"
            }
        }
        after 250 [list sensors::look $c]
    }
}
