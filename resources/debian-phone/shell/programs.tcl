# What is behind the icons: programs of Debian's, brought to the front if they run, and pages of ours.
namespace eval programs {
    proc open {program} {
        switch -- $program {
            terminal {
                start st-256color Terminal st -t Terminal -f "JetBrains Mono:pixelsize=[u $::choice(text)]" \
                    -e /bin/bash -l
                keyboard::show
            }
            browser { start Dillo Browser dillo file:///usr/lib/phone/start.html }
            settings { settings::open }
            notes { notes::open }
            calculator { calculator::open }
            sensors { sensors::open }
            manual { settings::about }
            power { power::menu }
        }
    }

    proc start {class name args} {
        if {[catch {exec wmctrl -x -a $class}]} {
            home::tell "Opening $name"
            update idletasks
            catch {exec setsid {*}$args < /dev/null > /dev/null 2> /dev/null &}
        }
    }
}
